/** Preloaded (`node --import ./test/time/twin-hook.ts`): puts the mistake of the twin named in the environment into its file. */
import { byUrl, insistOn, putIn } from "../twins/put-in.ts";
import { twins } from "./twins.ts";

const twin = twins.find(({ name }) => name === process.env["SYNOD_TIME_TWIN"]);
if (twin === undefined) throw new Error("no twin has this name");
insistOn(putIn(byUrl([twin, ...(twin.also ?? [])])));
