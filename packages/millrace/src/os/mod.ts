// os/mod.ts - the door of the only room that touches the machine.
export * from './ports.ts';
