import { execFileSync } from 'node:child_process';

/**
 * A sound policy in WebAssembly text, every part of which can be replaced by a hostile one. Parts named after
 * an export are the body of its function, whose parameters have names.
 */
export interface Parts {
  /** Beside or instead of the import of `log`. */
  readonly imports?: string;
  readonly memory?: string;
  /** More of the module: globals, tables, functions. */
  readonly fields?: string;
  readonly initialize?: string;
  readonly realloc?: string;
  readonly configure?: string;
  readonly begin?: string;
  readonly observe?: string;
  readonly decide?: string;
  readonly save?: string;
  readonly restore?: string;
  readonly postConfigure?: string;
  readonly postDecide?: string;
  readonly postSave?: string;
  readonly postRestore?: string;
}

/** Where the sound policy keeps what it answers; page 1 and all behind is the allocator's. */
export const AT = { plan: 1024, state: 2048, ok: 3072, error: 3136, text: 4096, heap: 65_536 } as const;
/** The end of a `decide` that answers the sound plan. */
export const answerPlan = `(i32.const ${AT.plan})`;
export const LOG_IMPORT = '(import "$root" "log" (func $log (param i32 i32 i32)))';

const FITTING = `
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
  (global.set $next (i32.add (local.get $at) (local.get $bytes)))
  (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
    (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $bytes) (i32.const 16)))))))
  (local.get $at)`;

/** Wishes region 0 into place 1; keeps eight bytes of state. */
export function policyText(parts: Parts = {}): string {
  const { imports = LOG_IMPORT, memory = '(memory (export "memory") 2)', fields = '' } = parts;
  const answers = (at: number): string => `(i32.const ${at})`;
  const post = (name: string, body = ''): string =>
    `(func (export "cabi_post_${name}") (param $answer i32) ${body})`;
  return `(module ${imports}
    ${memory}
    (global $next (mut i32) (i32.const ${AT.heap}))
    (data (i32.const ${AT.plan}) "\\00\\10\\00\\00\\01\\00\\00\\00\\10\\10\\00\\00\\01")
    (data (i32.const 4112) "\\01")
    (data (i32.const ${AT.state}) "\\20\\10\\00\\00\\08\\00\\00\\00")
    (data (i32.const ${AT.error}) "\\01\\00\\00\\00\\40\\10\\00\\00\\02\\00\\00\\00")
    (data (i32.const 4160) "n\\00o\\00")
    ${fields}
    (func $list (param $index i32) (param $at i32) (param $length i32)
      (i32.store offset=${AT.plan} (i32.shl (local.get $index) (i32.const 3)) (local.get $at))
      (i32.store offset=${AT.plan + 4} (i32.shl (local.get $index) (i32.const 3)) (local.get $length)))
    (func $initialize (export "_initialize") ${parts.initialize ?? ''})
    (func $realloc (export "cabi_realloc") (param $old i32) (param $oldBytes i32) (param $align i32) (param $bytes i32) (result i32)
      ${parts.realloc ?? FITTING})
    (func $configure (export "configure") (param $settings i32) (param $count i32) (result i32)
      ${parts.configure ?? answers(AT.ok)})
    (func $begin (export "begin") (param $number i32) (param $lengthMs i32) (param $regions i32) (param $owners i32) (param $period i32)
      (param $places i32) (param $placeCount i32) (param $metrics i32) (param $metricCount i32) (param $kinds i32) (param $kindCount i32)
      (param $firsts i32) (param $firstCount i32) (param $others i32) (param $otherCount i32)
      ${parts.begin ?? ''})
    (func $observe (export "observe") (param $first i32) (param $count i32) (param $columns i32) (param $columnCount i32)
      ${parts.observe ?? ''})
    (func $decide (export "decide") (result i32) ${parts.decide ?? answers(AT.plan)})
    (func $save (export "save") (result i32) ${parts.save ?? answers(AT.state)})
    (func $restore (export "restore") (param $version i32) (param $state i32) (param $bytes i32) (result i32)
      ${parts.restore ?? answers(AT.ok)})
    ${post('configure', parts.postConfigure)}
    ${post('decide', parts.postDecide ?? `(global.set $next (i32.const ${AT.heap}))`)}
    ${post('save', parts.postSave)}
    ${post('restore', parts.postRestore)})`;
}

/** A core module out of text, word for word: nothing is checked, moved or left out. */
export function assemble(text: string, features: readonly string[] = []): Uint8Array {
  const flags = ['--no-check', ...features.map((name) => `--enable-${name}`)];
  return execFileSync('wat2wasm', [...flags, '-', '--output=-'], {
    input: text,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
