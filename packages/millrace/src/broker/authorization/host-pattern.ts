// broker/authorization/host-pattern.ts - addresses of clients against the hosts of access rules: any, one address, or a range in CIDR form.
// Owns: reading addresses. Two texts of the same address are equal, and an IPv4 address that came by an IPv6 socket is the IPv4 address.
// Kafka's ranges: KIP-1276, in Kafka after 4.3; a host that is no address matches nobody, as in Kafka.

/** An address as a number of `bits` bits. */
interface Address { readonly value: bigint; readonly bits: 32 | 128 }

/** Stands for every host. */
export const anyHost = '*';

/** A test for a client's address, made once per rule. */
export type HostTest = (host: string) => boolean;

/** What a rule's host matches. An invalid one matches nobody: see hostFault. */
export function hostTest(pattern: string): HostTest {
  if (pattern === anyHost) return () => true;
  const slash = pattern.indexOf('/');
  const address = parseAddress(slash < 0 ? pattern : pattern.slice(0, slash));
  if (address === null) return (host) => host === pattern;
  const length = slash < 0 ? address.bits : prefixLength(pattern.slice(slash + 1), address.bits);
  if (length === null) return () => false;
  const shift = BigInt(address.bits - length);
  const wanted = address.value >> shift;
  return (host) => {
    const found = parseAddress(host);
    return found !== null && found.bits === address.bits && found.value >> shift === wanted;
  };
}

/** Why a rule may not name this host; null when it may. Only ranges are judged: Kafka takes any other text. */
export function hostFault(pattern: string): string | null {
  const slash = pattern.indexOf('/');
  if (slash < 0) return null;
  const address = parseAddress(pattern.slice(0, slash));
  if (address !== null && prefixLength(pattern.slice(slash + 1), address.bits) !== null) return null;
  return `'${pattern}' is no range of addresses such as 10.0.0.0/8 or fd00::/8`;
}

/** An IPv4 or IPv6 address, with or without brackets and zone; null when it is none. */
export function parseAddress(text: string): Address | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  return bare.includes(':') ? parseIpv6(bare) : parseIpv4(bare);
}

function parseIpv4(text: string): Address | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return { value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n), bits: 32 };
}

function parseIpv6(text: string): Address | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(groupsOf) as [number[] | null, (number[] | null)?];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: tail === undefined ? 0 : missing }, () => 0), ...tail ?? []];
  const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
  return value >> 32n === 0xffffn ? { value: value & 0xffffffffn, bits: 32 } : { value, bits: 128 };
}

/** The groups of one side of '::'; an IPv4 address may stand last. */
function groupsOf(text: string): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const last = parseIpv4(part);
      if (last === null) return null;
      groups.push(Number(last.value >> 16n), Number(last.value & 0xffffn));
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return null;
  }
  return groups;
}

function prefixLength(text: string, bits: number): number | null {
  return /^\d{1,3}$/.test(text) && Number(text) <= bits ? Number(text) : null;
}

/** One text for each address: an IPv4 address that came by an IPv6 socket as such; other texts as they are. */
export function plainHost(host: string): string {
  const mapped = /^\[?::ffff:(\d+\.\d+\.\d+\.\d+)\]?$/i.exec(host);
  return mapped?.[1] ?? host;
}
