import { type GgufTensor, type GgufValue, ggufBytes } from './gguf.ts';

/** What the model says once a prompt has ended with a token: the pieces in turn, then its end. */
export interface Chain {
  /** Last token of the prompt, which the chat template writes. */
  readonly after: string;
  readonly says: readonly string[];
}

export interface ChainModel {
  /** Jinja; it names the tokens `START`, `END` and those that chains begin after. */
  readonly chatTemplate: string;
  readonly chains: readonly Chain[];
}

export const START = '<|im_start|>';
export const END = '<|im_end|>';

const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const HEAD_SIZE = 32;
const FEED_FORWARD = 32;
const CONTEXT = 65_536;
/** Logit of the one token that follows is three times the root of the width, of every other one 0. */
const SURE = 3;

interface Token {
  readonly text: string;
  readonly type: number;
}

/**
 * A model of the llama architecture whose weights are a table: each token has one that follows it, and
 * attention and feed-forward layers add nothing. So a server reads, samples and parses as with any
 * model, nothing is downloaded, and what it answers is known. Bytes of a GGUF file.
 */
export function chainModel({ chatTemplate, chains }: ChainModel): Buffer {
  const tokens = vocabulary(chains);
  const idOf = new Map(tokens.map(({ text }, id) => [text, id]));
  const width = Math.ceil(tokens.length / HEAD_SIZE) * HEAD_SIZE;
  const end = idOf.get(END) ?? 0;
  const next = new Map<number, number>();
  for (const { after, says } of chains) {
    const path = [after, ...says.map((_, at) => piece(says, at)), END];
    for (const [at, text] of path.slice(1).entries())
      next.set(idOf.get(path[at] ?? '') ?? end, idOf.get(text) ?? end);
  }
  const output = new Float32Array(width * tokens.length);
  for (const id of tokens.keys()) output[(next.get(id) ?? end) * width + id] = SURE;
  return ggufBytes(head(tokens, width, end, chatTemplate), tensorsOf(tokens.length, width, output));
}

const piece = (says: readonly string[], at: number): string => says[at] ?? '';

/** Bytes as letters, one merge (a file needs some), the template's tokens and what is said. */
function vocabulary(chains: readonly Chain[]): readonly Token[] {
  const said = new Set(chains.flatMap(({ says }) => says));
  return [
    ...[...byteLetters(), 'th'].map((text) => ({ text, type: NORMAL })),
    ...[START, END, ...chains.map(({ after }) => after)].map((text) => ({ text, type: CONTROL })),
    ...[...said].map((text) => ({ text, type: USER_DEFINED })),
  ];
}

/** The letters that byte-level tokenizers write bytes with. */
function byteLetters(): readonly string[] {
  const shown = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    if (shown(byte)) return String.fromCodePoint(byte);
    hidden += 1;
    return String.fromCodePoint(255 + hidden);
  });
}

function head(
  tokens: readonly Token[],
  width: number,
  end: number,
  chatTemplate: string,
): Record<string, GgufValue> {
  const count = (value: number): GgufValue => ({ type: 'uint32', value });
  const words = (value: string): GgufValue => ({ type: 'string', value });
  return {
    'general.architecture': words('llama'),
    'general.name': words('chain'),
    'general.file_type': count(0),
    'llama.vocab_size': count(tokens.length),
    'llama.context_length': count(CONTEXT),
    'llama.embedding_length': count(width),
    'llama.block_count': count(1),
    'llama.feed_forward_length': count(FEED_FORWARD),
    'llama.attention.head_count': count(width / HEAD_SIZE),
    'llama.attention.head_count_kv': count(width / HEAD_SIZE),
    'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: 1e-6 },
    'llama.rope.dimension_count': count(HEAD_SIZE),
    'tokenizer.ggml.model': words('gpt2'),
    'tokenizer.ggml.pre': words('default'),
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens.map(({ text }) => text) },
    'tokenizer.ggml.token_type': { type: 'int32s', value: tokens.map(({ type }) => type) },
    'tokenizer.ggml.merges': { type: 'strings', value: ['t h'] },
    'tokenizer.ggml.eos_token_id': count(end),
    'tokenizer.ggml.bos_token_id': count(end),
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
    'tokenizer.chat_template': words(chatTemplate),
  };
}

function tensorsOf(tokens: number, width: number, output: Float32Array): readonly GgufTensor[] {
  const table = new Float32Array(width * tokens);
  for (let id = 0; id < tokens; id += 1) table[id * width + id] = 1;
  const nothing = (name: string, ...shape: readonly number[]): GgufTensor => ({
    ...{ name: `blk.0.${name}.weight`, shape },
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  });
  const ones = (name: string): GgufTensor => ({
    ...{ name: `${name}.weight`, shape: [width] },
    data: new Float32Array(width).fill(1),
  });
  return [
    { name: 'token_embd.weight', shape: [width, tokens], data: table },
    { name: 'output.weight', shape: [width, tokens], data: output },
    ones('output_norm'),
    ones('blk.0.attn_norm'),
    ones('blk.0.ffn_norm'),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => nothing(name, width, width)),
    nothing('ffn_gate', width, FEED_FORWARD),
    nothing('ffn_up', width, FEED_FORWARD),
    nothing('ffn_down', FEED_FORWARD, width),
  ];
}
