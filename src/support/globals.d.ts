/**
 * The only globals `src` may use beyond ECMAScript itself: pure functions from bytes to text and back that every
 * runtime has, and the one parser of URLs. No clock, no randomness, no network.
 */
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBuffer): string;
}
declare function atob(base64: string): string;
declare function btoa(binary: string): string;
declare class URL {
  /** @throws {TypeError} when it is none. */
  constructor(text: string);
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: string;
}
