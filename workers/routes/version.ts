/** The version in package.json, as `GET /` tells it. */
export const version = "0.1.0";
