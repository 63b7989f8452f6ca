import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The JSON Schema of the file, for editors. What it cannot say (bytes of a path, overlaps) `terrace check` finds. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
