// Tokens (RFC 9110 5.6.2): what methods and names of fields are made of.
const form = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

export function isToken(text: string): boolean {
  return form.test(text)
}
