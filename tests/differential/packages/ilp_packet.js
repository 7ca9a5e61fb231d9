'use strict'
// ilp-packet: fields in, bytes out, and back.
const ilp = require('ilp-packet')

const hex = (text) => Buffer.from(text, 'hex')

function encode ({ type, fields }) {
  switch (type) {
    case 12:
      return ilp.serializeIlpPrepare({
        amount: fields.amount,
        executionCondition: hex(fields.condition),
        expiresAt: new Date(fields.expires_at_ms),
        destination: fields.destination,
        data: hex(fields.data)
      })
    case 13:
      return ilp.serializeIlpFulfill({ fulfillment: hex(fields.fulfillment), data: hex(fields.data) })
    default:
      return ilp.serializeIlpReject({
        code: fields.code,
        triggeredBy: fields.triggered_by,
        message: fields.message,
        data: hex(fields.data)
      })
  }
}

function decode (packet) {
  const { type, data } = ilp.deserializeIlpPacket(packet)
  switch (type) {
    case 12:
      return {
        type,
        fields: {
          amount: data.amount,
          condition: data.executionCondition.toString('hex'),
          expires_at_ms: data.expiresAt.getTime(),
          destination: data.destination,
          data: data.data.toString('hex')
        }
      }
    case 13:
      return { type, fields: { fulfillment: data.fulfillment.toString('hex'), data: data.data.toString('hex') } }
    default:
      return {
        type,
        fields: {
          code: data.code,
          triggered_by: data.triggeredBy,
          message: data.message,
          data: data.data.toString('hex')
        }
      }
  }
}

module.exports = () => ({
  encode: ({ packets }) => packets.map((packet) => encode(packet).toString('hex')),
  // A packet that the package refuses is null.
  decode: ({ packets }) => packets.map((packet) => {
    try {
      return decode(hex(packet))
    } catch (_) {
      return null
    }
  })
})
