'use strict'
// @interledger/http-signature-utils: signs requests, and verifies those signed by us.
const { createPrivateKey } = require('crypto')
const { createHeaders, validateSignature, validateSignatureHeaders } =
  require('@interledger/http-signature-utils')

module.exports = () => ({
  /** The headers that it adds to a request; `seed` is the key's 32 bytes. */
  sign: async ({ request, seed, key_id: keyId }) => {
    // PKCS#8 of an Ed25519 key is a fixed head and the seed (RFC 8410).
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')])
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return createHeaders({ request, privateKey, keyId })
  },
  verify: async ({ request, jwk }) =>
    validateSignatureHeaders(request) && validateSignature(jwk, request)
})
