;; Instructions of later proposals, which wabt converts only when asked to.

(module (func $f (export "run") (param i32) (result i32) (return_call $g (local.get 0)))
  (func $g (param i32) (result i32) (local.get 0)))
(assert_return (invoke "run" (i32.const 3)) (i32.const 3))
(module (memory i64 1) (func (export "run") (result i64) (memory.size)))
(assert_return (invoke "run") (i64.const 1))
(module (memory 1) (memory $second 1) (func (export "run") (result i32) (i32.load $second (i32.const 0))))
(assert_return (invoke "run") (i32.const 0))
(module (tag $t) (func (export "run") (result i32) (i32.const 4)))
(assert_return (invoke "run") (i32.const 4))
(module (memory 1 1 shared) (func (export "run") (result i32) (i32.atomic.load (i32.const 0))))
(assert_return (invoke "run") (i32.const 0))
