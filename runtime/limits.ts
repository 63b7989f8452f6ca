/** The runtime's named bounds. Each has a test that reaches it. */

/** Regions in one snapshot. */
export const regionCountMax = 16_777_216;
/** Owners in one snapshot; the WIT counts them in a u16. */
export const ownersMax = 65_535;
/** Samples that need not show a region after it was moved: as old as a sensor's list of frames may be (docs/regions.md). */
export const unseenSamplesMax = 8;
/** Places in one snapshot; index 255 means "in none". */
export const placesMax = 255;

/** A trace file, as stored and unpacked. */
export const traceBytesMax = 256 * 1024 * 1024;
export const traceEpochsMax = 100_000;
/** Pages touched in one epoch of a trace. */
export const traceRowsMax = 4_194_304;

/** A policy's component, as a file. */
export const policyBytesMax = 1024 * 1024;
/** One function's body in a policy's core module; compile time grows with it. */
export const functionBytesMax = 64 * 1024;
/** Functions of a policy's core module, imported ones aside. */
export const functionsMax = 10_000;
/** Locals of one function, parameters among them; each takes room on the stack. */
export const localsMax = 4096;
/** Blocks open at once in one function, its own among them. */
export const blockDepthMax = 1024;
/** Function types of a policy's core module. */
export const functionTypesMax = 1000;
/** Parameters of one function type, and again results: what V8 takes. */
export const typeValuesMax = 1000;
export const globalsMax = 1000;
export const importsMax = 100;
export const exportsMax = 1000;
/** Elements of one table in a policy's core module, and of all its element segments together. */
export const tableElementsMax = 65_536;
export const elementSegmentsMax = 1000;
export const dataSegmentsMax = 10_000;
/** What all data segments of a policy's core module put into memory. */
export const dataBytesMax = 512 * 1024;
export const customSectionsMax = 100;
/** Sections of a component; wit-component writes about thirty. */
export const componentSectionsMax = 200;
/** Items in one section of a component. */
export const componentItemsMax = 1000;
/** The JSON in a policy's manifest section. */
export const manifestBytesMax = 64 * 1024;
export const settingsMax = 64;
/** A text setting, or a description or reason in a manifest, in UTF-16 units. */
export const textUnitsMax = 1024;
/** State a policy may save between epochs. */
export const stateBytesMax = 16 * 1024 * 1024;
/** Metrics in one snapshot. */
export const metricsMax = 4096;
/** Events in one snapshot. */
export const eventsMax = 4 * regionCountMax;

/** Entries of one plan. */
export const planEntriesMax = 1_048_576;
/** Wishes of one plan. */
export const wishesMax = 64;
/** Log lines of one epoch; more are dropped and counted. */
export const logLinesMax = 16;
/** One log line, as UTF-8. */
export const logLineBytesMax = 256;
/** The text of a trap or refusal that crosses from a policy host. */
export const faultTextBytesMax = 1024;
/** From the start of a policy host's first process until it is confined. */
export const hostStartMsMax = 30_000;
/** Standard error of one policy host; more is read and thrown away. */
export const hostStderrBytesMax = 4096;
/** What a policy host may write there in its life; more ends it, since reading it takes the runtime's time. */
export const hostStderrReadBytesMax = 1024 * 1024;

/** Words of mutable globals in one policy, of which a vector is two: its instance's state besides memory. */
export const globalWordsMax = 2 * globalsMax;
/** Memory of one policy in Wasm pages (64 KiB), whatever the operator says. */
export const hostMemoryPagesMax = 65_536;
/** What one frame of a recording says of itself, as JSON. */
export const recordingHeadBytesMax = 1024 * 1024;
/** What one frame of a recording carries: all a policy was handed at once, or its memory. */
export const recordingPayloadBytesMax = 1024 * 1024 * 1024;
/** Requests in one recording and its bytes, after which the next begins, unless the operator says otherwise. */
export const recordingAnswersDefault = 64;
export const recordingBytesDefault = 1024 * 1024 * 1024;

/** Memory of one policy in Wasm pages (64 KiB), unless the operator says otherwise: 1 GiB. */
export const hostMemoryPagesDefault = 16_384;
/** Start of a policy host with compilation, and again `configure`, unless the operator says otherwise. */
export const loadDeadlineMsDefault = 5000;
/** One epoch of one policy, unless the operator says otherwise. */
export const epochDeadlineMsDefault = 1000;
/** Fuel of one epoch, and besides for each of its regions, unless the operator says otherwise (docs/fuel.md). */
export const fuelPerEpochDefault = 1_000_000_000;
export const fuelPerRegionDefault = 5000;
/** Fuel to load, to configure, to save and to restore, for each of them, unless the operator says otherwise. */
export const fuelPerCallDefault = 1_000_000_000;

/** Regions in one sample of a physical source: what a frame of the wire holds, 25 bytes each. */
export const sampledRegionsMax = 1_250_000;
/** Blocks of 2 MiB whose idle bits are looked at in one epoch: 128 GiB. */
export const watchedBlocksMax = 65_536;

/** Failed epochs in a row after which a policy gives way, unless the operator says otherwise. */
export const failedEpochsMaxDefault = 3;
/** Epochs until a policy that gave way is tried again, the first time and at most, unless the operator says otherwise. */
export const retryEpochsMinDefault = 16;
export const retryEpochsMaxDefault = 1024;
/** Good epochs in a row that undo one doubling of that wait, unless the operator says otherwise. */
export const recoveredEpochsDefault = 64;
/** Share of a plan's entries that may name no region or no place, unless the operator says otherwise. */
export const invalidShareMaxDefault = 0;
/** By which share of hold's modelled slowdown a policy may exceed it, and for how many epochs, unless the operator says otherwise. */
export const harmShareMaxDefault = 0.05;
export const harmEpochsDefault = 32;
/** The decision log: one file, beside the one before it; and one line of it, whatever a policy had to say. */
export const decisionLogBytesMaxDefault = 16 * 1024 * 1024;
export const decisionLineBytesMax = 64 * 1024;

/** Quotas of one scope, and goals of one quota (docs/quotas.md). */
export const quotasMax = 16;
export const quotaGoalsMax = 8;
/** Bytes per second of one quota: from one base page, since less lets nothing in for seconds, to 1 TiB. */
export const quotaBytesPerSecondMin = 4096;
export const quotaBytesPerSecondMax = 2 ** 40;
/** Node ids in a quota: a plan's targets are bytes, and 255 is swap. */
export const quotaNodeMax = 254;
/** From one tuning of a quota's rate to the next: a second, less what a timer may come early. */
export const quotaTuningMsMin = 900;
/** What is read of a file under /proc or /sys for a goal's metric. */
export const metricBytesMax = 16 * 1024;

/** One request to a daemon, or its answer. */
export const controlMessageBytesMax = 1024 * 1024;
/** What names a scope, a version or a setting in one of them, in UTF-16 units. */
export const controlNameUnitsMax = 256;
/** A path or a message in one of them, in UTF-16 units; what a daemon tells beyond is cut off. */
export const controlTextUnitsMax = 4096;
/** Epochs that a policy may be asked to spend as a shadow before it takes over. */
export const trialEpochsMax = 1_000_000;

/** A daemon's configuration file, as YAML. */
export const configBytesMax = 256 * 1024;
/** Values in it, those behind aliases counted anew each time: as many as could stand in it without any. */
export const configValuesMax = configBytesMax / 2;
/** Mappings and lists inside each other. */
export const configDepthMax = 16;
/** Faults that are told at once; of more it is only told that there are. */
export const configFaultsMax = 20;
/** Scopes of one daemon. */
export const scopesMax = 64;
/** Policies beside the active one in one scope. */
export const shadowsMax = 8;
export const epochMsMin = 10;
export const epochMsMax = 3_600_000;
export const epochMsDefault = 1000;
/** Epochs that a new version runs as a shadow before it takes over, unless the operator says otherwise. */
export const trialEpochsDefault = 16;
/** What an operator may set a count of epochs to that governs how policies fail and are tried again. */
export const governEpochsMax = 1_000_000;
/** And the share of hold's slowdown that counts as harm: ten times as slow. */
export const harmShareCeiling = 9;
/** And a deadline of a policy host. */
export const hostDeadlineMsMax = 3_600_000;
/** A path, in bytes; and one of a unix socket: sun_path of unix(7), its last zero left out. */
export const pathBytesMax = 4096;
export const socketPathBytesMax = 107;
/** Entries of the folder of policies. */
export const policyFilesMax = 1024;
/** One policy built from its source in a process of its own, and what that may print. */
export const buildMsMax = 60_000;
export const buildOutputBytesMax = 64 * 1024;

/** Share of a period by which an epoch may begin after it was due and still be in time. */
export const lateShareMax = 0.1;
/** Policies that are loaded side by side when a daemon starts or reloads. */
export const loadsAtOnceMax = 4;
/** How long an epoch that is under way may hold up the end of its loop. */
export const stopMsMax = 5000;
/** How long a file must be left alone before it is read again: editors write in several steps. */
export const settleMs = 200;
