/** Express 4 under a name of its own, for the tests that run with both; its types are near enough to those of 5. */
declare module 'express4' {
  import express from 'express'
  export default express
}
