// The blocks of a PEM file (RFC 7468).
export type Block = { readonly label: string; readonly text: string; readonly encrypted: boolean }

const form = /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([\s\S]*?)-----END \1-----/g

/** Every block, in order; text around them is passed over, as RFC 7468 2 asks. */
export function pemBlocks(content: Buffer): Block[] {
  return [...content.toString('latin1').matchAll(form)].map(([text, label = '', body = '']) => ({
    label,
    text: `${text}\n`,
    // PKCS#8 says so in the label, the older form in a header of its own (RFC 1421 4.6.1.1).
    encrypted: label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:.*ENCRYPTED/m.test(body),
  }))
}
