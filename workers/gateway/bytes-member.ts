/** Bytes as a member of a JSON answer. */
export { bytesMember } from "../../src/wire/bytes-member.ts";
