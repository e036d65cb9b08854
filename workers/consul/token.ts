/** Where Consul's clients put their token, when not into `Authorization`. It is the deployment's; Consul's ACLs are not here. */
import { partsOf } from "../gateway/paths.ts";

export const consulToken = ({ headers, url }: Request): string | null =>
  headers.get("x-consul-token") ?? new URLSearchParams(partsOf(url).query).get("token");
