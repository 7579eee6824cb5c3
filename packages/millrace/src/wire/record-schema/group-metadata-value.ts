// wire/record-schema/group-metadata-value.ts - GroupMetadataValue, versions 0-4.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { message } from '../api.ts';
import { array, bytes, int32, int64, nullable, string, struct } from '../field.ts';

const memberMetadataFields = {
  memberId: string(),
  groupInstanceId: nullable(string('3+', { default: null })),
  clientId: string(),
  clientHost: string(),
  rebalanceTimeout: int32('1+', { default: -1 }),
  sessionTimeout: int32(),
  subscription: bytes(),
  assignment: bytes(),
};

/** A classic group with its members and assignments. */
export const GroupMetadataValue = message({
  name: 'GroupMetadataValue', versions: '0-4', flexible: '4+',
  fields: {
    protocolType: string(),
    generation: int32(),
    protocol: nullable(string()),
    leader: nullable(string()),
    currentStateTimestamp: int64('2+', { default: -1 }),
    members: array(struct(memberMetadataFields)),
  },
});
