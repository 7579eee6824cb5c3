// test/certificates.ts - certificates for tests, made when they are needed: an authority, servers and clients that it signs.
// Owns: keys and PEM. Never: files that outlive the test.
import 'reflect-metadata'; // @peculiar/x509 wants it loaded before itself
import type { webcrypto } from 'node:crypto';
import { X509CertificateGenerator, type JsonName, type X509Certificate, BasicConstraintsExtension, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension, SubjectAlternativeNameExtension } from '@peculiar/x509';

/** A certificate and its key, as PEM. */
export interface Identity { readonly cert: string; readonly key: string; readonly der: Uint8Array }

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 60 * 60 * 1000;
let serialNext = 1;

/** An authority that signs for as long as the test lives. */
export class Authority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  /** A new one. @example const authority = await Authority.make('Test'); */
  static async make(name: string): Promise<Authority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(), name: `CN=${name}`, ...validity(), keys, signingAlgorithm: algorithm,
      extensions: [new BasicConstraintsExtension(true, undefined, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)],
    });
    return new Authority(keys, certificate);
  }

  /** Its certificate, as PEM. */
  get cert(): string { return this.#certificate.toString('pem'); }

  /** A certificate for a subject such as 'CN=alice,O=Example', or as a list of parts; servers need the names that they are reached by. */
  async sign(subject: string | JsonName, names: readonly string[] = [], days = 30): Promise<Identity> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serial(), subject, issuer: this.#certificate.subject, ...validity(days), publicKey: keys.publicKey, signingKey: this.#keys.privateKey, signingAlgorithm: algorithm,
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' as const : 'dns' as const, value })))]),
      ],
    });
    return { cert: certificate.toString('pem'), key: await keyPem(keys.privateKey), der: new Uint8Array(certificate.rawData) };
  }
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const serial = (): string => String(serialNext++).padStart(4, '0');
const validity = (days = 30): { notBefore: Date; notAfter: Date } => ({ notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + days * day) });

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
