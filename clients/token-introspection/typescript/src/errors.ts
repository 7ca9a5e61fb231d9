/** Nothing is known of the token: the server does not answer, or not as its contract says. */
export class IntrospectionError extends Error {
  constructor(
    message: string,
    /** Whether asking later may help. */
    readonly retriable: boolean,
    /** The HTTP status, if there was an answer. */
    readonly status?: number
  ) {
    super(message)
    this.name = 'IntrospectionError'
  }
}
