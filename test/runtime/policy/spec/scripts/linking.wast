;; Modules that call one another, what a start function does, and what does not link.

(module $Counter
  (global $count (mut i32) (i32.const 0))
  (func (export "next") (param $by i32) (result i32)
    (loop $again
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (br_if $again (local.tee $by (i32.sub (local.get $by) (i32.const 1)))))
    (global.get $count))
  (func (export "fail") (unreachable))
)
(register "counter" $Counter)

(module $Caller
  (func $next (import "counter" "next") (param i32) (result i32))
  (func $fail (import "counter" "fail"))
  (func $print (import "spectest" "print_i32") (param i32))
  (func (export "thrice") (param i32) (result i32) (local $n i32)
    (local.set $n (i32.const 3))
    (loop $again
      (call $print (local.tee 0 (call $next (local.get 0))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get 0))
  (func (export "fail") (call $fail))
)
(assert_return (invoke "thrice" (i32.const 1)) (i32.const 4))
(assert_return (invoke $Counter "next" (i32.const 2)) (i32.const 6))
(assert_trap (invoke $Caller "fail") "unreachable")
(assert_return (invoke "thrice" (i32.const 1)) (i32.const 28))

(assert_unlinkable (module (func (import "counter" "absent"))) "unknown import")
(assert_unlinkable (module (func (import "nobody" "next"))) "unknown import")
(assert_unlinkable (module (func (import "counter" "next") (param f32))) "incompatible import type")

(module
  (global (export "started") (mut i32) (i32.const 0))
  (func $start (global.set 0 (i32.const 1)))
  (start $start)
)
(assert_return (get "started") (i32.const 1))
(assert_trap (module (func $start (unreachable)) (start $start)) "unreachable")

(module
  (memory (import "spectest" "memory") 1)
  (table (import "spectest" "table") 10 funcref)
  (global $word (import "spectest" "global_i32") i32)
  (func (export "word") (result i32) (i32.store (i32.const 8) (global.get $word)) (i32.load (i32.const 8)))
)
(assert_return (invoke "word") (i32.const 666))
