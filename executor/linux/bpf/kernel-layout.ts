import { failure, success, type Result } from '../../result.ts';
import { BTF_KIND, type Btf } from './btf.ts';

/** Where the running kernel keeps what the walk reads; byte offsets, named after the members. */
const MEMBERS = {
  pageFlags: ['page', 'flags'],
  pageCompoundHead: ['page', 'compound_head'],
  pageMapping: ['folio', 'mapping'],
  pageIndex: ['folio', 'index'],
  pageMapcount: ['page', '_mapcount'],
  pageRefcount: ['page', '_refcount'],
  folioOrder: ['folio', '_flags_1'],
  folioMapcount: ['folio', '_large_mapcount'],
  anonRoot: ['anon_vma', 'root'],
  anonTree: ['anon_vma', 'rb_root', 'rb_root', 'rb_node'],
  chainVma: ['anon_vma_chain', 'vma'],
  chainAnon: ['anon_vma_chain', 'anon_vma'],
  chainNode: ['anon_vma_chain', 'rb'],
  chainLast: ['anon_vma_chain', 'rb_subtree_last'],
  spaceHost: ['address_space', 'host'],
  spaceTree: ['address_space', 'i_mmap', 'rb_root', 'rb_node'],
  spaceHead: ['address_space', 'i_pages', 'xa_head'],
  inodeSpace: ['inode', 'i_data'],
  nodeRight: ['rb_node', 'rb_right'],
  nodeLeft: ['rb_node', 'rb_left'],
  vmaNode: ['vm_area_struct', 'shared', 'rb'],
  vmaLast: ['vm_area_struct', 'shared', 'rb_subtree_last'],
  vmaStart: ['vm_area_struct', 'vm_start'],
  vmaEnd: ['vm_area_struct', 'vm_end'],
  vmaMm: ['vm_area_struct', 'vm_mm'],
  vmaFlags: ['vm_area_struct', 'vm_flags'],
  vmaOffset: ['vm_area_struct', 'vm_pgoff'],
  vmaPolicy: ['vm_area_struct', 'vm_policy'],
  mmTable: ['mm_struct', 'pgd'],
  mmOwner: ['mm_struct', 'owner'],
  taskMm: ['task_struct', 'mm'],
  taskPid: ['task_struct', 'pid'],
  taskTgid: ['task_struct', 'tgid'],
  taskLeader: ['task_struct', 'group_leader'],
  taskNodes: ['task_struct', 'mems_allowed'],
  taskPolicy: ['task_struct', 'mempolicy'],
  taskFiles: ['task_struct', 'files'],
  policyMode: ['mempolicy', 'mode'],
  filesTable: ['files_struct', 'fdt'],
  tableFiles: ['fdtable', 'fd'],
  fileSpace: ['file', 'f_mapping'],
  stableItems: ['ksm_stable_node', 'hlist'],
  itemAnon: ['ksm_rmap_item', 'anon_vma'],
  itemAddress: ['ksm_rmap_item', 'address'],
  itemNode: ['ksm_rmap_item', 'hlist'],
  itemHead: ['ksm_rmap_item', 'head'],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>;

/** Functions of the kernel that programs may call, and the type through which they read. */
const FUNCTIONS = {
  readOnlyCast: 'bpf_rdonly_cast',
  rcuLock: 'bpf_rcu_read_lock',
  rcuUnlock: 'bpf_rcu_read_unlock',
} as const;

type Named<Keys extends string> = { readonly [Key in Keys]: number };

export interface KernelLayout extends Named<keyof typeof MEMBERS>, Named<keyof typeof FUNCTIONS> {
  /** Bit of page->flags that heads of folios have. */
  readonly headBit: number;
  /** High byte of the page type of a hugetlb folio. */
  readonly hugetlbType: number;
  /** BTF id of a structure whose first 16 members are 64-bit words. */
  readonly wordsType: number;
}

const pageBytes = 64;

/** Looks everything up by name. A kernel that lacks one of these is left to the scan. */
export function readKernelLayout(btf: Btf): Result<KernelLayout, 'kernel-unfit'> {
  const missing: string[] = [];
  const need = (name: string, value: number | undefined): number => {
    if (value === undefined) missing.push(name);
    return value ?? 0;
  };
  const members = Object.entries(MEMBERS).map(([key, [struct, ...path]]) => [
    key,
    need([struct, ...path].join('.'), btf.offsetOf(struct, ...path)),
  ]);
  const functions = Object.entries(FUNCTIONS).map(([key, name]) => [
    key,
    need(name, btf.find(BTF_KIND.function, name)),
  ]);
  const layout = {
    ...Object.fromEntries([...members, ...functions]),
    headBit: need('PG_head', btf.enumValue('pageflags', 'PG_head')),
    hugetlbType: need('PGTY_hugetlb', btf.enumValue('pagetype', 'PGTY_hugetlb')),
    wordsType: need('pt_regs', btf.find(BTF_KIND.struct, 'pt_regs')),
  } as KernelLayout;
  if (btf.sizeOf('page') !== pageBytes) missing.push(`struct page of ${pageBytes} bytes`);
  return missing.length === 0
    ? success(layout)
    : failure(
        'kernel-unfit',
        `this kernel has no ${missing.slice(0, 4).join(', ')}; frames resolve by the scan`,
      );
}
