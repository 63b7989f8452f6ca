import { Columns } from './columns';

/**
 * The regions `first` … `first + count - 1`, at most 262,144 of them, in index order. Only the columns
 * that your source names are filled. They are yours until `observe` returns: copy what you keep.
 */
@final
export class Chunk extends Columns {
  first: i32 = 0;
  count: i32 = 0;
}
