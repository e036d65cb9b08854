/**
 * Every maximum and every waiting time, with its reason. Sizes in bytes, times in milliseconds, unless the name says
 * otherwise. Enforced in code, because the local runtime does not enforce the platform's own limits.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  // --- what clients send ---
  /** A key, in bytes. Long enough for any path, short enough for a header and a row key. */
  keyBytes: 1024,
  /** A value, in bytes. With base64 and its envelope it still fits one batch, and a row (2 MB on the platform). */
  valueBytes: 512 * KiB,
  /** A decision's id, in bytes. */
  decisionIdBytes: 256,
  /** A decision's value, in bytes: it is stored once for each acceptor and travels in every promise. */
  decisionValueBytes: 64 * KiB,
  /** A JSON body, in bytes. */
  jsonBodyBytes: 64 * KiB,
  /** `Idempotency-Key`, in characters. */
  idempotencyKeyCharacters: 128,
  /** Keys in one page of a listing, unless asked for fewer. */
  pageKeys: 1000,
  /** Keys in one page when the caller names no limit. */
  defaultPageKeys: 100,
  /** Bytes of keys and values in one page: a page is one message and must stay far below the platform's 32 MiB. */
  pageBytes: 1 * MiB,
  /** Tags of one service instance; each of at most `tagCharacters`. */
  tags: 64,
  tagCharacters: 128,
  /** Entries in an instance's meta; keys and values of at most `metaKeyCharacters`, `metaValueCharacters`. */
  metaEntries: 64,
  metaKeyCharacters: 128,
  metaValueCharacters: 512,
  /** Instances answered for one lookup. */
  instancesPerLookup: 1000,
  /** Time to live of a service instance, in seconds. */
  ttlSecondsMin: 1,
  ttlSecondsMax: 86_400,

  // --- the log ---
  /** One encoded batch. Fits one SQLite row (2 MB on the platform) and one message with room to spare. */
  batchBytes: 1 * MiB,
  /** Commands in one batch: bounds the time of one apply. */
  batchCommands: 1000,
  /**
   * Slots proposed and not yet chosen. More hides distance, fewer makes larger batches (compare with `npm run
   * bench:commits`). With four, a writer who just missed a batch waits a quarter of a round trip for the next.
   */
  slotsInFlight: 4,
  /** Commands waiting at a replica; beyond it callers are told `overloaded` instead of queueing without end. */
  waitingCommands: 4096,
  /** Bytes of commands waiting at a replica: memory is 128 MB for all objects of an isolate. */
  waitingBytes: 16 * MiB,
  /** Reads waiting at a replica. */
  waitingReads: 8192,
  /** Votes or batches in one page of a promise, barrier or catch-up, in bytes of values. */
  messagePageBytes: 2 * MiB,
  /** The same, in rows. */
  messagePageRows: 512,
  /** A whole message between objects. */
  messageBytes: 8 * MiB,
  /** Votes kept at the acceptors below the trimming point, so that a replica a little behind needs no snapshot. */
  keptSlots: 1000,
  /** The floor moves in steps, so that a trim's extra row is paid once in so many slots. */
  trimStep: 100,
  /** Votes deleted in one event at an acceptor: bounds the event. */
  trimmedVotesPerEvent: 200,
  /** A barrier reports votes above the applied slot; a slot further away than this is fetched from peers instead. */
  barriersInFlight: 4,

  // --- exactly once ---
  /** How long a command without a client's key may still be applied, and its outcome is remembered, in log time. */
  commandLifeMs: 15_000,
  /** How long the outcome for an `Idempotency-Key` is remembered, in log time. */
  idempotencyLifeMs: 86_400_000,
  /** A deadline further ahead of the log's time than this is refused, which costs a row until then: one wild clock must not fill memory. */
  deadlineAheadMs: 90_000_000,
  /** How long a client's order (session, sequence) is remembered after its last command, in log time. */
  sessionLifeMs: 86_400_000,
  /** How far a batch's stamp may run ahead of an acceptor's own clock before that acceptor refuses to vote for it. */
  stampAheadMs: 10_000,

  // --- history ---
  /** Superseded revisions stay readable at least this long, in log time ... */
  historyMs: 3_600_000,
  /** ... and until at least this many later revisions exist. */
  historyRevisions: 10_000,
  /** Batches whose history is cleared while applying one: a little more than arrives, so that clearing keeps up. */
  clearedBatchesPerApply: 4,
  /** Expired outcomes or sessions cleared while applying one batch. */
  clearedOutcomesPerApply: 64,
  /** Rows in one page of a snapshot. */
  snapshotPageRows: 1000,
  /** Bytes in one page of a snapshot. */
  snapshotPageBytes: 2 * MiB,
  /** How long a snapshot may be read before its source forgets it; below `historyMs`, on which its one revision rests. */
  snapshotLifeMs: 1_800_000,

  // --- leases ---
  /** Largest difference between two machines' clocks under which a lease never ends early. */
  maxSkewMs: 500,
  /** How much later than the leader the other replicas look after expired leases. */
  expiryFallbackMs: 3_000,
  /** Leases ended by one batch. */
  expiriesPerBatch: 100,

  // --- waiting ---
  /** A leader silent this long is taken to be lost: four measured round trips, within these bounds. */
  silenceMinMs: 200,
  silenceMaxMs: 2_000,
  /**
   * First back-off after a refused ballot; doubles, with jitter, up to the maximum: several times two round trips around
   * the earth, so that one of many duelling proposers finds the time for both phases.
   */
  backOffMinMs: 25,
  backOffMaxMs: 2_000,
  /** One call to a peer. */
  callMs: 2_000,
  /** A write's whole stay at a replica; after it the caller is told what is known. Below the promised 5 seconds. */
  writeMs: 4_000,
  /** A read's whole stay at a replica. */
  readMs: 4_000,
  /** How long a barrier waits for the leader to close an open slot before phase 1 closes it. */
  openSlotWaitMs: 150,
  /** A decision's attempts at the gateway. */
  decisionMs: 4_500,
  /** An acceptor whose call failed is asked again for a slot that is still open after this pause. */
  askAgainMs: 100,
  /** A batch that the acceptors have not answered for this long means that the leader has lost its majority. */
  stalledMs: 1_000,
  /** Pause before a digest goes to a peer after new slots were applied: lets a burst pass first. */
  gossipMs: 250,
  /** Digests sent to a peer that does not answer, each after twice the wait, before giving up until new activity. */
  gossipAttempts: 9,
  /** A status question to one object. */
  statusMs: 1_500,

  // --- the gateway ---
  /** A whole request's stay at the gateway: below the promised 5 seconds, above a replica's `writeMs`. */
  gatewayMs: 4_800,
  /** A replica silent this long is joined by the next one: longer than a takeover (`silenceMaxMs`), so that two do not duel. */
  hedgeMs: 2_500,
  /** The same for the ones after it: whoever hangs must leave time for all the others. */
  hedgeAgainMs: 800,
  /** The same for a read that waits for nobody else. */
  localHedgeMs: 500,
  /** How long a replica that did not answer is asked last. */
  unreachableMs: 5_000,
  /** Replicas, and acceptor sets, that one gateway remembers. */
  rememberedObjects: 4096,
  /** Decisions that one gateway keeps in memory, and the bytes they may take of the isolate's 128 MB. */
  cachedDecisions: 4096,
  cachedDecisionBytes: 16 * MiB,
  /** A conditional header: a list of entity tags. */
  conditionCharacters: 1024,
  /** A query string, in characters: a cursor or a prefix with every byte percent-encoded, and the rest. */
  queryCharacters: 8192,
  /** The client's own stamp, echoed. */
  stampCharacters: 64,
} as const;
