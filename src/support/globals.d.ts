/**
 * The only globals `src` may use beyond ECMAScript itself: pure functions from bytes to text and back that every
 * runtime has. No clock, no randomness, no network.
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
