/** Where a daemon listens and its commands look, unless told otherwise. */
export const defaultControlSocket = '/run/terrace/control/terrace.sock';
