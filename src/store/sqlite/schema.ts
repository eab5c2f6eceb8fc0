/**
 * The tables of the SQLite record store, as a list of additive steps: step n takes a store from
 * version n - 1 to n. A step that was released is never edited; a change is a new step.
 * Times are milliseconds since the epoch; `*_json` columns hold canonical JSON.
 */
export const SCHEMA_STEPS: readonly string[] = [
  `
  CREATE TABLE batches (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    owner_kind  TEXT NOT NULL,
    owner_name  TEXT NOT NULL,
    owner_arm   TEXT NOT NULL,
    task_set    TEXT NOT NULL,
    spec_digest TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE rollouts (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    batch       TEXT NOT NULL REFERENCES batches (id),
    position    INTEGER NOT NULL,
    task_id     TEXT NOT NULL,
    task_digest TEXT NOT NULL,
    sample      INTEGER NOT NULL,
    outcome     TEXT,
    reason      TEXT,
    attempt     TEXT REFERENCES attempts (id),
    score_json    TEXT,
    as_left_json  TEXT,
    checks_json   TEXT,
    findings_json TEXT,
    decided_at  INTEGER,
    UNIQUE (batch, position),
    UNIQUE (batch, task_id, sample)
  ) STRICT;
  CREATE INDEX rollouts_by_outcome ON rollouts (batch, outcome);

  CREATE TABLE attempts (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    rollout      TEXT NOT NULL REFERENCES rollouts (id),
    number       INTEGER NOT NULL CHECK (number >= 1),
    engine       TEXT NOT NULL,
    nonce        TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    harness_json TEXT NOT NULL,
    end_json     TEXT,
    class        TEXT,
    reason       TEXT,
    closed_at    INTEGER,
    UNIQUE (rollout, number)
  ) STRICT;

  CREATE TABLE verifications (
    seq           INTEGER PRIMARY KEY,
    attempt       TEXT NOT NULL REFERENCES attempts (id),
    kind          TEXT NOT NULL,
    status        TEXT NOT NULL,
    message       TEXT NOT NULL,
    checks_json   TEXT NOT NULL,
    flat          REAL,
    native        REAL,
    seconds       REAL NOT NULL,
    grader_json   TEXT NOT NULL,
    findings_json TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    UNIQUE (attempt, kind)
  ) STRICT;

  CREATE TABLE calls (
    seq         INTEGER PRIMARY KEY,
    call_id     TEXT NOT NULL UNIQUE,
    attempt     TEXT NOT NULL REFERENCES attempts (id),
    sequence    INTEGER NOT NULL CHECK (sequence >= 1),
    started_at  INTEGER NOT NULL,
    model       TEXT NOT NULL,
    request     TEXT NOT NULL,
    finish_json TEXT,
    UNIQUE (attempt, sequence)
  ) STRICT;
  `,
  'ALTER TABLE rollouts ADD COLUMN retries_from INTEGER NOT NULL DEFAULT 0;',
  `
  CREATE TABLE jobs (
    seq        INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    batch      TEXT NOT NULL REFERENCES batches (id),
    namespace  TEXT NOT NULL,
    shape_json TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 1),
    uid        TEXT UNIQUE,
    over_cause TEXT,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX jobs_by_batch ON jobs (batch);

  -- state: 'open' in a live Job, 'settled', or 'left' by a Job that is over
  CREATE TABLE job_rows (
    job      TEXT NOT NULL REFERENCES jobs (name),
    position INTEGER NOT NULL,
    batch    TEXT NOT NULL REFERENCES batches (id),
    item     TEXT NOT NULL,
    state    TEXT NOT NULL,
    PRIMARY KEY (job, position)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX job_rows_open ON job_rows (batch, item) WHERE state = 'open';

  CREATE TABLE pod_evidence (
    pod_uid       TEXT PRIMARY KEY,
    batch         TEXT NOT NULL REFERENCES batches (id),
    evidence_json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE claims (
    pod_uid         TEXT NOT NULL,
    role            TEXT NOT NULL,
    batch           TEXT NOT NULL REFERENCES batches (id),
    job             TEXT NOT NULL REFERENCES jobs (name),
    position        INTEGER NOT NULL,
    item            TEXT NOT NULL,
    attempt         TEXT REFERENCES attempts (id),
    credential_hash TEXT NOT NULL UNIQUE,
    link_hash       TEXT UNIQUE,
    nonce           TEXT NOT NULL,
    reads_json      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (pod_uid, role)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX claims_by_attempt ON claims (attempt) WHERE link_hash IS NOT NULL;

  CREATE INDEX attempts_by_engine ON attempts (engine);

  CREATE TABLE model_losses (
    attempt TEXT PRIMARY KEY REFERENCES attempts (id),
    reason  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE gate_runs (
    task_digest TEXT NOT NULL,
    gate        TEXT NOT NULL,
    status      TEXT NOT NULL,
    names_json  TEXT NOT NULL,
    PRIMARY KEY (task_digest, gate)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE fetch_findings (
    pod_uid       TEXT PRIMARY KEY,
    findings_json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE pod_reports (
    pod_uid TEXT PRIMARY KEY,
    report  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE batch_notes (
    batch TEXT NOT NULL REFERENCES batches (id),
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (batch, key)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- instead of gate_runs, which let one namespace speak for the tasks of another
  CREATE TABLE namespace_gate_runs (
    namespace   TEXT NOT NULL,
    task_digest TEXT NOT NULL,
    gate        TEXT NOT NULL,
    status      TEXT NOT NULL,
    names_json  TEXT NOT NULL,
    PRIMARY KEY (namespace, task_digest, gate)
  ) STRICT, WITHOUT ROWID;
  `,
  'ALTER TABLE fetch_findings ADD COLUMN grader_root TEXT;',
  `
  -- batches that no object names any more, and since when that is known
  CREATE TABLE absences (
    batch TEXT PRIMARY KEY REFERENCES batches (id),
    since INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- artifacts that stay as long as a batch does, though no row of it names them
  CREATE TABLE artifact_pins (
    batch  TEXT NOT NULL REFERENCES batches (id),
    digest TEXT NOT NULL,
    PRIMARY KEY (batch, digest)
  ) STRICT, WITHOUT ROWID;
  -- without these, each row that is removed is looked for in the whole of the tables that may name it
  CREATE INDEX rollouts_by_attempt ON rollouts (attempt);
  CREATE INDEX claims_of_attempt ON claims (attempt);
  CREATE INDEX claims_of_job ON claims (job);
  CREATE INDEX evidence_of_batch ON pod_evidence (batch);
  `,
  `
  -- artifacts that each pod put, which its end may name; seq tells the newest
  CREATE TABLE pod_uploads (
    seq     INTEGER PRIMARY KEY,
    batch   TEXT NOT NULL REFERENCES batches (id),
    pod_uid TEXT NOT NULL,
    digest  TEXT NOT NULL,
    UNIQUE (pod_uid, digest)
  ) STRICT;
  CREATE INDEX pod_uploads_of_batch ON pod_uploads (batch);
  `,
  `
  -- artifacts that objects name, though rows may not, and since when none does any more
  CREATE TABLE object_names (
    digest TEXT PRIMARY KEY,
    since  INTEGER
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- objects that were run on one machine and made something that others name
  CREATE TABLE objects (
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    spec_digest TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    state       TEXT,
    result      TEXT,
    ended_at    INTEGER,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE synthesis_jobs (
    id          TEXT PRIMARY KEY,
    spec_digest TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- stage: the one that runs next; 'accepted' and 'rejected' are the ends
  CREATE TABLE synthesis_records (
    job       TEXT NOT NULL REFERENCES synthesis_jobs (id),
    number    INTEGER NOT NULL CHECK (number >= 1),
    revision  INTEGER NOT NULL,
    stage     TEXT NOT NULL,
    data_json TEXT NOT NULL,
    ended_at  INTEGER,
    PRIMARY KEY (job, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE synthesis_calls (
    call_id       TEXT PRIMARY KEY,
    job           TEXT NOT NULL,
    number        INTEGER NOT NULL,
    stage         TEXT NOT NULL,
    role          TEXT NOT NULL,
    model         TEXT NOT NULL,
    request       TEXT NOT NULL,
    response      TEXT NOT NULL,
    status        INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL,
    FOREIGN KEY (job, number) REFERENCES synthesis_records (job, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX synthesis_calls_of_record ON synthesis_calls (job, number);
  `,
  `
  -- reinforcement in a cluster; run: uid of the TrainingRun
  CREATE TABLE rl_runs (
    run        TEXT PRIMARY KEY,
    plan_json  TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- which batch of the store plays one that the run wants; it may end before the run does
  CREATE TABLE rl_batches (
    run   TEXT NOT NULL REFERENCES rl_runs (run),
    name  TEXT NOT NULL,
    batch TEXT NOT NULL,
    PRIMARY KEY (run, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE rl_steps (
    run          TEXT NOT NULL REFERENCES rl_runs (run),
    step         INTEGER NOT NULL CHECK (step >= 1),
    frozen_json  TEXT NOT NULL,
    trained_json TEXT,
    PRIMARY KEY (run, step)
  ) STRICT, WITHOUT ROWID;

  -- policy versions as models: the newest and the one before
  CREATE TABLE rl_policies (
    run        TEXT NOT NULL REFERENCES rl_runs (run),
    version    INTEGER NOT NULL CHECK (version >= 1),
    model      TEXT NOT NULL,
    files_json TEXT NOT NULL,
    PRIMARY KEY (run, version)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- runs of trainers; data_json: all that changes while one goes on
  CREATE TABLE training_runs (
    uid         TEXT PRIMARY KEY,
    namespace   TEXT NOT NULL,
    name        TEXT NOT NULL,
    spec_digest TEXT NOT NULL,
    spec        TEXT NOT NULL,
    data_json   TEXT NOT NULL,
    created_at  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- what the pods of a run have put, which alone they may name
  CREATE TABLE training_uploads (
    run    TEXT NOT NULL REFERENCES training_runs (uid),
    digest TEXT NOT NULL,
    PRIMARY KEY (run, digest)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- synthesis jobs of a cluster; steering, failure and result are JSON
  CREATE TABLE synthesis_runs (
    job          TEXT PRIMARY KEY REFERENCES synthesis_jobs (id),
    namespace    TEXT NOT NULL,
    name         TEXT NOT NULL,
    steering     TEXT NOT NULL,
    worker       TEXT,
    failure      TEXT,
    result       TEXT,
    cancelled    TEXT,
    absent_since INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX synthesis_runs_of_worker ON synthesis_runs (worker);

  -- gate runs of several records that one batch carries
  CREATE TABLE synthesis_rounds (
    job      TEXT NOT NULL REFERENCES synthesis_runs (job),
    id       INTEGER NOT NULL,
    run      TEXT NOT NULL,
    label    TEXT NOT NULL,
    task_set TEXT NOT NULL,
    agent    TEXT NOT NULL,
    samples  INTEGER NOT NULL,
    batch    TEXT,
    is_over  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, id)
  ) STRICT, WITHOUT ROWID;

  -- round: absent while the run waits for one; report: JSON, once it is over
  CREATE TABLE synthesis_gates (
    job       TEXT NOT NULL REFERENCES synthesis_runs (job),
    number    INTEGER NOT NULL,
    task      TEXT NOT NULL,
    label     TEXT NOT NULL,
    run       TEXT NOT NULL,
    round     INTEGER,
    report    TEXT,
    is_failed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, number, task, label, run)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX synthesis_gates_of_round ON synthesis_gates (job, round);
  `,
  `
  -- since when no object is known of the run
  ALTER TABLE training_runs ADD COLUMN absent_since INTEGER;
  `,
];
