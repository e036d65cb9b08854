/** What the tests' runtime is bound to: the same as a deployment. */
declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import("../../workers/gateway.ts");
  }
  interface Env extends Omit<import("../../workers/config.ts").Bindings, never> {}
}
