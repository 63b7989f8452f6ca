/** Limits under which physical plans go to the system call that the own kernel's patch adds, under its number. */
export const MOVE_PHYS_PAGES = {
  backends: ['move_phys_pages', 'move_pages'],
  movePhysPages: { number: 480 },
};
