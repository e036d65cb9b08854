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
  /** How deep a JSON body may nest: deeper than any that is understood, shallow enough for every reader's stack. */
  jsonDepth: 64,
  /** A body of several operations (`/txn`, `/batch`), in bytes: a transaction must fit one batch of the log. */
  operationsBodyBytes: 1 * MiB,
  /** Operations of one `/batch`: what one batch of the log takes. */
  batchOperations: 1000,
  /** `Idempotency-Key`, in characters. */
  idempotencyKeyCharacters: 128,
  /** Keys in one page of a listing, unless asked for fewer. */
  pageKeys: 1000,
  /** Keys in one page when the caller names no limit. */
  defaultPageKeys: 100,
  /** Bytes of keys and values in one page: a page is one message and must stay far below the platform's 32 MiB. */
  pageBytes: 1 * MiB,

  // --- the registry ---
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
  /** A share of an instance among those that are drawn by weight: what an SRV record holds. */
  instanceWeight: 65_535,
  /** Checks of one instance, and of one node. */
  checksPerInstance: 16,
  /** What a check says, for people; a check's own name, and notes on it, in characters. */
  checkOutputCharacters: 4096,
  checkTextCharacters: 512,
  /** How often an active check looks, in seconds. */
  checkIntervalSecondsMin: 1,
  checkIntervalSecondsMax: 3600,
  /** Time to live of a check that its owner sets, and how long a critical one may stay before its instance goes. */
  checkTtlSecondsMax: 86_400,
  deregisterAfterSecondsMax: 2_592_000,
  /** Results in a row that an active check may want before it changes its mind. */
  checkThreshold: 100,
  /** An active check's URL, the headers it sends, and the body. */
  checkUrlCharacters: 2048,
  checkHeaders: 16,
  checkBodyCharacters: 4096,
  /** All headers of an active check together, in bytes: more than any service reads. */
  checkHeaderBytes: 4 * KiB,
  /** The longest an active check may wait for its answer, in ms: it keeps one of the few connections meanwhile. */
  checkTimeoutMs: 60_000,
  /** Active checks that one Checker runs at once: as many connections as the platform opens for one event. */
  checksAtOnce: 6,
  /** Checks that one Checker looks after: the region of a namespace that has more does not run the rest. */
  checksPerRegion: 5000,
  /** Bytes of a checked answer that are read for its output; the rest is given up. */
  checkReadBytes: 4 * KiB,
  /** A check whose words change, and not its status, is written so often at most, in ms. */
  checkOutputMs: 60_000,
  /** Runs of a Checker are this far apart at least, in ms: each costs an alarm. */
  checkTickMs: 1_000,
  /** A Checker that was told that a check comes goes on looking for it this long, in ms, or twice as long ... */
  checkArmMs: 20_000,
  /** ... the first time after this, later ever more rarely, at least this often, in ms. */
  checkLookMs: 1_000,
  checkLookMostMs: 8_000,
  /** How old a Checker's replica may be, in ms, before it must ask the others what there is to check. */
  checkListAgeMs: 600_000,
  /** A Checker that could not learn what there is to check, or not remove what is dead, tries again after this, in ms. */
  checkAgainMs: 5_000,
  /** Further addresses of an instance or a node. */
  taggedAddresses: 16,
  /** Bytes of instances in one answer: one message, which is taken apart and put together again on its way. */
  lookupBytes: 2 * MiB,
  /** Instances that are read of one service, whatever is asked for: bounds the time of one lookup. */
  instancesPerService: 20_000,
  /** Instances that a replica keeps read and taken apart, of the services asked for last: some 1 KiB each. */
  cachedInstances: 20_000,
  /** Ranges of keys that a lookup's answer may rest on; of more, all nodes and services together are followed. */
  lookupRanges: 64,
  /** How long a lookup's answer may be taken again without asking, in seconds: also the time to live of its DNS form. */
  lookupMaxAgeSeconds: 5,
  /** How long one lookup may wait for a change, in seconds: proxies give up on silence soon after. */
  lookupWaitSeconds: 60,
  /** A local lookup older than this, in ms, is marked stale: several times what a replica in touch is ever behind. */
  lookupStaleMs: 30_000,

  // --- the DNS door ---
  /** A DNS question: one name, and what EDNS may put behind it. */
  dnsQuestionBytes: 4096,
  /** Instances in one DNS answer: more than any resolver tries, and far below the 64 KiB of a message. */
  dnsInstances: 128,

  // --- the store ---
  /** A stored key: a client's behind the byte that names its space, or a lock's place, which is longer than its name. */
  storedKeyBytes: 1024 + 64,
  /** A stored value. As `valueBytes`: nothing is written that a client could not have written. */
  storedValueBytes: 512 * KiB,
  /** Comparisons, and operations of one branch, of a transaction: etcd's default. */
  transactionOperations: 128,
  /** All of them, nested transactions included. */
  transactionParts: 4096,
  /** How deep transactions may nest natively ... */
  nativeTransactionDepth: 8,
  /** ... and at all: with etcd's rule, by which each level takes from the same 128. */
  transactionDepth: 128,
  /** Keys that the comparisons and ranges of one transaction span, together: bounds the time of one apply. */
  transactionKeys: 100_000,
  /** What one transaction may answer, in bytes: with base64 and its names it fits a row (2 MB on the platform). */
  transactionResultBytes: 1 * MiB,
  /** What all transactions of one batch may answer, in bytes: bounds the memory of an apply and the leader's answer. */
  batchResultBytes: 4 * MiB,
  /** Outcomes in a batch's own row, in bytes; beyond, each has a row of its own. */
  batchRowOutcomeBytes: 256 * KiB,
  /** An outcome in that row and in memory, in bytes; a larger one has a row of its own ... */
  briefOutcomeBytes: 4 * KiB,
  /** ... and of one larger than this only what it did is remembered, not what it answered. */
  rememberedOutcomeBytes: 16 * KiB,
  /** Keys that one command deletes: bounds the time of one apply, and the memory of its list of changes. */
  deletedKeys: 10_000,
  /** A lease's time to live natively, in seconds: etcd's upper bound. */
  leaseSecondsMin: 1,
  leaseSecondsMax: 9_000_000_000,
  /** A lock's or an election's name, in bytes. With its space and a place's digits it is a stored key. */
  lockNameBytes: 512,
  /** Places in one queue: who waits for a lock, or stands for election. */
  queuePlaces: 1000,
  /** How long one request may wait for a lock or an election, in seconds: proxies give up on silence soon after. */
  lockWaitSeconds: 60,
  /**
   * A place that waits lives no longer than this without its gateway, in ms: one that died keeps nobody waiting for the
   * whole time to live that was asked for. Long enough for a few renewals to be lost.
   */
  waitingPlaceMs: 15_000,
  /** How long an answer to a client that has waited is held up, in ms, to learn whether the client is still there. */
  handoverMs: 100,
  /** What a lock's owner calls itself, in characters. */
  ownerCharacters: 256,

  // --- the log ---
  /** One encoded batch. Fits one SQLite row (2 MB on the platform) and one message with room to spare. */
  batchBytes: 1 * MiB,
  /** Commands in one batch: bounds the time of one apply. */
  batchCommands: 1000,
  /**
   * Slots proposed and not yet chosen: more of them hide distance. So long after the last, in ms, the next may leave
   * while others are under way (`src/support/pace.ts`): longer makes larger batches. Compare with `npm run bench`.
   */
  slotsInFlight: 8,
  batchGapMs: 10,
  /** The same for commands that are passed on to the leader, and for the questions behind linearizable reads, in ms. */
  forwardGapMs: 2,
  barrierGapMs: 15,
  /** The same for what is told to the other replicas: so much older than the leader's may their states be. */
  learnGapMs: 20,
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
  /** How long the nearest majority of acceptors is taken for the nearest, in ms; then all are asked again. */
  nearestMs: 10_000,
  /** So long, in ms, after twice what it usually takes, one of them is late, and the others are asked too. */
  nearestPatienceMs: 50,

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

  // --- watching ---
  /** Watches that wait at one replica for something to happen. */
  waitingWatches: 4096,
  /** Ranges that one watch follows: a service, and what is known of the nodes that its instances stand on. */
  watchRanges: 1024,
  /** How long one question after events waits at a replica before it is answered with none, in ms. */
  watchWaitMs: 20_000,
  /** A replica at which watches wait asks the acceptors whether it is behind, if nobody has told it for so long. */
  watchConfirmMs: 10_000,
  /** Events in one answer, and their bytes of keys and values. */
  watchEvents: 1000,
  watchBytes: 1 * MiB,
  /** An event stream is silent no longer than this, in ms: proxies take more for an end. */
  watchBeatMs: 10_000,
  /** How often an event stream says how far all was told: oftener than it would be silent. */
  watchProgressMs: 9_000,
  /**
   * How long a question that several share waits: a little less than each of them, so that its end reaches all before their
   * own time is over.
   */
  sharedWatchMs: 8_500,
  /**
   * Before the next such question is asked, a gateway rests for about as long as telling so many takes, and no longer than
   * this, in ms: what happens meanwhile is told together. A few are told at once.
   */
  sharedWatchTellsPerMs: 10,
  sharedWatchRestMs: 20,
  /** Answers that were shared, kept for who comes a little late, and their bytes of the isolate's 128 MB. */
  sharedAnswers: 1024,
  sharedAnswerBytes: 4 * MiB,
  /** An event stream that its client does not read ends after this, in ms. Nothing is kept for it meanwhile. */
  watchStallMs: 60_000,
  /** After an event stream ended, clients come back after this and at most twice as long again, so not all at once. */
  watchRetryMs: 1_000,
  /** WebSockets at one replica. The platform allows 32,768; each costs a message for every write it asked for. */
  watchSockets: 10_000,
  /** So many are told within the turn that applied a write; more of them after its answer has left. */
  watchSocketsToldAtOnce: 32,
  /** Events in one message to a WebSocket, and their bytes of keys and values: small, for many sockets share the memory. */
  watchSocketEvents: 256,
  watchSocketBytes: 64 * KiB,
  /** Messages, and bytes of them, that a WebSocket's client may leave unacknowledged: then it is sent no more. */
  watchUnackedMessages: 16,
  watchUnackedBytes: 256 * KiB,
  /** The same of all sockets of a replica together: what nobody reads waits in the memory of the runtime, 128 MB. */
  watchAllUnackedBytes: 32 * MiB,
  /** A client that is sent no more for this long, in ms, is cut off at the next opportunity. */
  watchBehindMs: 30_000,
  /** Changes looked at for WebSockets in one go; the rest comes after other events had their turn. */
  watchChangesPerRound: 50_000,
  /** A socket's own record of its place is at most so many revisions old: what is looked at again after a hibernation. */
  watchPlaceRevisions: 100,
  /** A replica with WebSockets asks the acceptors so often whether it missed something, in ms, even if nobody talks to it. */
  watchAlarmMs: 300_000,
  /** A message from a WebSocket's client, in characters. */
  watchMessageCharacters: 1024,

  // --- leases ---
  /** Largest difference between two machines' clocks under which a lease never ends early. */
  maxSkewMs: 500,
  /** How much later than the leader the other replicas look after expired leases. */
  expiryFallbackMs: 3_000,
  /** Leases ended by one batch: as many as it takes, so that many dead ones do not linger after their time ... */
  expiriesPerBatch: 1000,
  /** ... and their keys: bounds the time of one apply. A lease that has more of them ends alone. */
  expiredKeysPerBatch: 10_000,
  /** Prefixes that a lease's keys may be asked to begin with: each is looked at with every renewal. */
  leasePrefixes: 8,
  /** The guard against mass expiry (SPEC H1): a guard for herds larger than this would guard none that there is ... */
  guardLeasesMax: 1_000_000,
  /** ... and who is held for more times to live than this is as good as never removed. */
  holdTtlsMax: 100,

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

  // --- drift of leadership (docs/decisions/0014) ---
  /** A leader counts for so long, in ms, where its commands come from ... */
  driftWindowMs: 5_000,
  /** ... concludes nothing from fewer than these: moving costs a phase 1, which so many commands are to pay for ... */
  driftCommands: 25,
  /** ... and names a region that sent this share of them: the others pay for it, so it must be large. */
  driftShare: 0.9,
  /** Leadership that has just moved stays so long at least, in ms. */
  driftRestMs: 20_000,

  // --- the gateway ---
  /** A whole request's stay at the gateway: below the promised 5 seconds, above a replica's `writeMs`. */
  gatewayMs: 4_800,
  /** A replica silent this long is joined by the next one: longer than a takeover (`silenceMaxMs`), so that two do not duel. */
  hedgeMs: 2_500,
  /** The same for the ones after it: whoever hangs must leave time for all the others. */
  hedgeAgainMs: 800,
  /** The same for a read that waits for nobody else. */
  localHedgeMs: 500,
  /**
   * How long small requests of one kind from one gateway to one replica gather, in ms (`src/support/pace.ts`); and after
   * how long one leaves although a call is still under way near by, which may never end.
   */
  coalescingMs: 15,
  coalescingWaitMs: 50,
  /** Requests up to this size gather, in characters; and how much one call takes along. */
  coalescedBytes: 8 * KiB,
  coalescedRequests: 256,
  coalescedGroupBytes: 512 * KiB,
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

  // --- pipelines ---
  /** Pipelines in one isolate; and for each, requests and bytes of their values that may wait for their answers. */
  pipelines: 1000,
  pipelineUnanswered: 4096,
  pipelineBytes: 8 * MiB,
  /** Batches of one kind that a pipeline has under way: while one is carried out, the next is read and gathers. */
  pipelineCalls: 2,
  /**
   * Batches after which a pipeline asks its client to go on over another socket. Each takes one request to an object, or
   * nine at the worst, and the platform allows 10,000 for a connection (50 on the free plan).
   */
  pipelineCallsInAll: 1000,

  // --- time ---
  /** Exchanges of time that one address may have at once ... */
  timeBurst: 120,
  /** ... and, on average, within a second: twice what clients are told (`timeIntervalMs`), since some share an address. */
  timePerSecond: 2,
  /** How often a client may ask for the time without being refused: more often tells it nothing new. */
  timeIntervalMs: 1000,
  /** A question for the time: a packet of 48 bytes, or JSON with a stamp, a region, a nonce and a hash. */
  timeQuestionBytes: 1024,
  /** Sockets for the time in one isolate: each holds a little of its 128 MB for as long as its client likes. */
  timeSockets: 1000,
  /** Questions of one socket that may wait for their answers at once. */
  timeInFlight: 8,
  /** Messages that are not understood, or come too fast, after which a socket is closed. */
  timeFaults: 8,
  /** Rounds of exchanges with all regions of which `/time/regions` keeps the best: the first one also wakes the clocks. */
  timeRounds: 4,
  /** Pause before a clock asks again which data centre it is in, when nobody told it. */
  placeAgainMs: 60_000,
  /** How long a gateway that found its own clock wrong refuses to tell the time before it would look again. */
  timeDoubtMs: 60_000,

  // --- the Consul door ---
  /** A filter expression, in characters; how deep it may nest; its patterns, each of so many characters and steps. */
  filterCharacters: 4096,
  filterDepth: 32,
  filterPatterns: 8,
  filterPatternCharacters: 256,
  filterPatternSteps: 2000,
  /** Services that one request may look through, each with a question of its own to a replica. */
  consulSweptServices: 500,
  /** A session's time to live as Consul takes it, in seconds. It ends after twice as long: the answer is a lower bound. */
  consulSessionSecondsMin: 10,
  consulSessionSecondsMax: 86_400,
  /** How long a lock may be kept from others after its session ended, in seconds. */
  consulLockDelaySeconds: 60,
  /** Operations of one `/v1/txn`. */
  consulOperations: 64,
  /** How often a write that others came before is decided anew, on what they left. */
  consulAttempts: 16,
  /** Keys and values of one answer, which is put together in memory. */
  consulAnswerBytes: 16 * MiB,
  /** A user event's payload, in bytes: Serf's bound for the whole of it. */
  consulEventBytes: 9 * KiB,
  /** User events in one answer, and how long each is kept, in ms. */
  consulEvents: 256,
  consulEventMs: 3_600_000,

  // --- the etcd door ---
  /** A message as JSON: the largest command in base64, with room to spare. etcd itself takes 2 MiB before base64. */
  etcdBodyBytes: 3 * MiB,
  /** Keys and values of one answer, which is put together in memory: etcd has no such limit. */
  etcdAnswerBytes: 16 * MiB,
  /** Who waits for a lock or an election is sent a blank so often, in ms: it shows who has hung up. */
  etcdBlankMs: 3_000,
  /** A stream is silent no longer than this and one more wait, in ms: that its client has gone shows only in writing to it. */
  etcdSilenceMs: 50_000,
  /** Watches of one stream: each has a question under way. */
  etcdWatches: 1000,
  /** Events that the watches of one stream hold for a client that has not taken them. */
  etcdPendingBytes: 4 * MiB,
} as const;
