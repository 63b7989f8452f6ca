/**
 * Inputs that once broke something, by target. A corpus keeps only what reaches code that nothing shorter reaches,
 * and would lose them.
 */
export const FINDINGS: Readonly<Record<string, readonly Uint8Array[]>> = {
  // A text that is no JSON stood in the message as it was, control characters and all.
  json: [
    Buffer.from('["writes",\u001eaccesses"'),
    Buffer.from('{"\u0085": 1}'),
    Buffer.from('{"folder": "/\u001b[2J/.."}'),
  ],
  // So did the name of a scope that there is not.
  wire: [
    Buffer.from(
      'EJkAAADeAAOiaWQBpGtpbmSlY2hlY2ukcGxhbt4AC6VlcG9jaAGlc2NvcGWmdGVuYQEAsnRvcG9sb2d5R2VuZXJhdGlvbgGoaGVhZHJvb22Qpm93bmVyc5Clb3duZXLHAXQEpXNwYWNlxwF0AapwYWdlTnVtYmVyxwF0CKVwYWdlc8cBdAamdGFyZ2V0xwF0Aahwcmlvcml0eccBdAQ=',
      'base64',
    ),
  ],
};
