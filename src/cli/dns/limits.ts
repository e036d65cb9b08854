/** Every maximum of the bridge, with its reason. Sizes in bytes, times in milliseconds, unless the name says otherwise. */
export const bridgeLimits = {
  /** Questions under way to the deployment; of the same question only one. Each is a connection in the worst case. */
  questions: 256,
  /** Answers that are kept for as long as they hold, and their bytes. */
  answers: 4096,
  answerBytes: 16 * 1024 * 1024,
  /** A question's whole time: below the 5 seconds after which dig and the C library ask again. */
  answerMs: 4_000,
  /** A deployment's time while there is another to be asked, and how long one that failed is asked last. */
  attemptMs: 1_500,
  unreachableMs: 5_000,
  /** Deployments that are asked one after the other. */
  upstreams: 8,
  /** TCP connections at once, and questions of one of them that are not answered yet. */
  connections: 128,
  pipelined: 64,
  /** A connection on which nobody finishes a question for so long is closed (RFC 7766, section 6.2.3). */
  idleMs: 10_000,
  /** Answers that a connection's client does not read. */
  unreadBytes: 1024 * 1024,
} as const;
