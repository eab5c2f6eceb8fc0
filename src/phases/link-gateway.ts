/** One call of the model link to the gateway, ready to be sent again as it is. */
export interface GatewayCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Absolute, as the gateway's own routes name it. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  readonly signal: AbortSignal;
  /** The gateway has read the head of the call: it is there. Not told by every way to a gateway. */
  readonly onTaken?: () => void;
}

export interface GatewayReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Chunks are Buffers. Breaks off with an error where the connection is lost. */
  readonly body: AsyncIterable<unknown>;
  /** Throws what is left of the body away. */
  dump(): Promise<void>;
}

/** How the model link reaches its gateway: a Unix socket of this host, or TLS from a pod. */
export interface LinkGateway {
  /** Rejects where there is no answer; waits for one without a limit of its own. */
  call(call: GatewayCall): Promise<GatewayReply>;
  /** Ends its connections at once. */
  close(): Promise<void>;
}
