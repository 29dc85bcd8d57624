/** A connection that is made when it is first needed, and anew when the one before is gone. */
export class Lasting<Connection> {
  readonly #connect: (gone: () => void) => Promise<Connection>;
  #connection: Promise<Connection> | undefined;

  /** @param connect is given what to call when the connection has closed */
  constructor(connect: (gone: () => void) => Promise<Connection>) {
    this.#connect = connect;
  }

  async get(): Promise<Connection> {
    this.#connection ??= this.#connect(() => this.forget());
    try {
      return await this.#connection;
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  forget(): void {
    this.#connection = undefined;
  }

  /** The connection as it is; none is made. */
  async current(): Promise<Connection | undefined> {
    return this.#connection?.catch(() => undefined);
  }
}
