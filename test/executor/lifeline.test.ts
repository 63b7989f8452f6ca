import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { endWhenTold } from '../../executor/wire/lifeline.ts';

function scene() {
  const signals = new EventEmitter();
  const lifeline = new PassThrough();
  const state = { ends: 0 };
  endWhenTold(async () => void state.ends++, signals, lifeline);
  return { signals, lifeline, state };
}

const settle = () => new Promise(setImmediate);

describe('a process', () => {
  test.each(['SIGTERM', 'SIGINT'])('ends at %s, once, and lets go of its lifeline', async (signal) => {
    const { signals, lifeline, state } = scene();
    await settle();
    expect(state.ends).toBe(0);
    signals.emit(signal);
    signals.emit('SIGTERM');
    await settle();
    expect(state.ends).toBe(1);
    expect(lifeline.destroyed).toBe(true);
  });

  test.each<[string, (lifeline: PassThrough) => unknown]>([
    ['ends', (lifeline) => lifeline.end()],
    ['breaks', (lifeline) => lifeline.destroy(new Error('ECONNRESET'))],
    ['is closed', (lifeline) => lifeline.destroy()],
  ])('ends when its lifeline %s, once, and at no word on it', async (_, cut) => {
    const { signals, lifeline, state } = scene();
    lifeline.write('still here');
    await settle();
    expect(state.ends).toBe(0);
    cut(lifeline);
    await settle();
    signals.emit('SIGTERM');
    expect(state.ends).toBe(1);
  });

  test('needs no lifeline', () => {
    const signals = new EventEmitter();
    let ends = 0;
    endWhenTold(async () => void ends++, signals);
    signals.emit('SIGINT');
    expect(ends).toBe(1);
  });
});
