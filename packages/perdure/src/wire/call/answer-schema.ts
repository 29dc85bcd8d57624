/**
 * A question's JSON Schema as what checks an answer. The SDK's own validator keeps what it has compiled, by the schema as
 * an object, and a question read from the record is another object each time: 6 kB that never went for each answer
 * (found by the soak). So equal schemas share one; and when there were many different ones, all are forgotten, with the
 * validator that keeps them.
 */
import { fromJsonSchema, type JsonSchemaType } from "@modelcontextprotocol/server";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/server/validators/ajv";
import type { JsonObject } from "../../task/json.ts";

type AnswerSchema = ReturnType<typeof fromJsonSchema>;

const most = 200;

export class AnswerSchemas {
  readonly #schemas = new Map<string, AnswerSchema>();
  #validator: AjvJsonSchemaValidator | undefined;

  of(schema: JsonObject): AnswerSchema {
    const text = JSON.stringify(schema);
    const known = this.#schemas.get(text);
    if (known !== undefined) return known;
    if (this.#schemas.size >= most) {
      this.#schemas.clear();
      this.#validator = undefined;
    }
    this.#validator ??= new AjvJsonSchemaValidator();
    const made = fromJsonSchema(schema as JsonSchemaType, this.#validator);
    this.#schemas.set(text, made);
    return made;
  }
}
