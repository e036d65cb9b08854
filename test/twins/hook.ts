/**
 * Preloaded (`node --import ./test/twins/hook.ts`): puts a twin's mistake into its file as Node loads it. Ends the process
 * with an error when the text to replace is not there exactly once, or when the file was never loaded.
 */
import { editsByUrl } from "./chosen.ts";
import { insistOn, putIn } from "./put-in.ts";

insistOn(putIn(editsByUrl()));
