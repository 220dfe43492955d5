/** What the shop cannot do for a customer, and the status to answer with. */
export class ShopError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}
