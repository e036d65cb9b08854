/** What the tests' runtime is bound to, and what it runs: the same as a deployment. */
import type { Bindings } from "../../workers/bindings.ts";
import type * as Gateway from "../../workers/gateway.ts";

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof Gateway;
    }
    interface Env extends Omit<Bindings, never> {}
  }
}
