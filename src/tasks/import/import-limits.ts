/** Bounds of what an importer reads. Sizes are bytes and are checked before reading. */
export interface ImportLimits {
  /** One file of a task. */
  readonly fileBytes: number;
  /** All files of a task together. */
  readonly taskBytes: number;
  /** Files of a task. */
  readonly taskFiles: number;
  /** One row of a JSONL file. */
  readonly rowBytes: number;
  /** A text that is parsed as a whole: front matter, task.toml, data_entry.json, an overlay. */
  readonly metadataBytes: number;
  /** Nesting of parsed JSON, YAML and TOML. */
  readonly depth: number;
  /** Values in one parsed document, with YAML aliases counted where they are used. */
  readonly nodes: number;
  /** Tasks of one source. */
  readonly tasks: number;
  /** All distinct files of one source: an import holds them in memory. */
  readonly sourceBytes: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_IMPORT_LIMITS: ImportLimits = {
  fileBytes: 16 * MIB,
  taskBytes: 64 * MIB,
  taskFiles: 10_000,
  rowBytes: 96 * MIB,
  metadataBytes: 4 * MIB,
  depth: 64,
  nodes: 200_000,
  tasks: 100_000,
  sourceBytes: 4096 * MIB,
};
