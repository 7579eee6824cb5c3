// wire/schema/list-groups.ts - ListGroups (key 16), versions 0-5.
// Written by tools/wire-schema.ts from the layouts of Kafka 4.3.1: change the tool, not this file.
import { api } from '../api.ts';
import { array, int16, int32, string, struct } from '../field.ts';

/** Lists the groups that a broker keeps. */
export const ListGroups = api({
  name: 'ListGroups', key: 16, versions: '0-5', flexible: '3+',
  request: {
    statesFilter: array(string(), '4+'),
    typesFilter: array(string(), '5+'),
  },
  response: {
    throttleTimeMs: int32('1+'),
    errorCode: int16(),
    groups: array(struct({
      groupId: string(),
      protocolType: string(),
      groupState: string('4+'),
      groupType: string('5+'),
    })),
  },
});
