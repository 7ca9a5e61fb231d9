import { Code, ConnectError } from '@connectrpc/connect'
import { BadRequestSchema, ErrorInfoSchema } from './gen/google/rpc/error_details_pb.js'

/** An answer that is an error, with what the contract says about it. */
export class RafikiError extends Error {
  readonly code: Code
  /** A name of `rafiki.common.v1.ErrorReason` without its prefix, such as "UNKNOWN_ASSET". */
  readonly reason: string | undefined
  /** What the reason documents in the contract. */
  readonly metadata: Readonly<Record<string, string>>
  /** The request's field at fault. */
  readonly field: string | undefined

  /** Reads whatever a call threw. */
  static from(thrown: unknown): RafikiError {
    return new RafikiError(ConnectError.from(thrown))
  }

  private constructor(cause: ConnectError) {
    super(cause.rawMessage, { cause })
    this.name = 'RafikiError'
    const info = cause.findDetails(ErrorInfoSchema).find(({ domain }) => domain === 'rafiki')
    this.code = cause.code
    this.reason = info?.reason
    this.metadata = info?.metadata ?? {}
    this.field = cause.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field
  }
}
