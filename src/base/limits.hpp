// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Every queue, table, frame, array and file of the product has its limit here, each with its reason.
namespace cb::limits {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t gib = 1024 * mib;

// --- wire and protocol -------------------------------------------------------------------------------------------
/// Largest request frame. Kafka's own default (socket.request.max.bytes).
constexpr std::size_t frame_bytes = 100 * mib;
/// Smallest request: api key, version, correlation id, null client id.
constexpr std::size_t frame_bytes_min = 10;
/// Elements of all arrays of one message, numbers aside: in memory a struct takes up to 60 times the 3 bytes that can
/// claim it, so the frame's size alone would let 100 MiB become gigabytes. A cluster at our limits has 60,000.
constexpr std::size_t message_elements = 1024 * 1024;
/// Tagged fields of one struct; real ones have fewer than 10. A memory attack has millions.
constexpr std::size_t tagged_fields = 64;
/// Structs inside structs; Kafka's deepest message has 6.
constexpr int nesting = 16;
/// API keys that have a row in the index of messages; Kafka 4.3 has 93.
constexpr std::size_t api_keys = 128;
/// Decompressed size of one batch, against compression bombs: ten times what a client may send in a frame.
constexpr std::size_t decompressed_batch_bytes = 1 * gib;

// --- connections -------------------------------------------------------------------------------------------------
/// Requests of one connection that are read and not yet answered; more stay in the socket.
constexpr std::size_t requests_in_flight_per_connection = 64;
/// Bytes of answers that a connection may owe to a client that does not read, before we stop reading from it.
constexpr std::size_t unsent_bytes_per_connection = 8 * mib;
/// Bytes of requests read and not yet answered, over all connections; above it reading stops until some are done.
constexpr std::size_t request_bytes_in_flight = 512 * mib;

// --- heap --------------------------------------------------------------------------------------------------------
/// Freed memory that stays with the process instead of going back to the system: taking it again costs a page fault for
/// each 4 KiB. Covers the buffers of the requests in flight.
constexpr std::size_t heap_kept_bytes = 64 * mib;
/// From here on memory comes from the system and goes back to it: what a single huge batch needs.
constexpr std::size_t heap_map_from_bytes = 32 * mib;
/// The heap grows by so much at a time.
constexpr std::size_t heap_step_bytes = 1 * mib;

// --- embedded log ------------------------------------------------------------------------------------------------
/// Default byte limit of the in-memory log; never above half of the memory that the machine or its cgroup grants.
constexpr std::size_t memory_log_bytes = 1 * gib;
/// From this much of it on producers are told to pause, and are not read from meanwhile, so that retention or a
/// reader's DeleteRecords can come before Produce is refused.
constexpr std::size_t memory_log_throttle_percent = 95;
constexpr int memory_log_throttle_ms = 100;
/// One chunk of the in-memory log; the unit in which memory is taken and given back.
constexpr std::size_t memory_chunk_bytes = 1 * mib;
/// With --data: the newest part of the logs that is kept in memory as well, so that readers at the end need no disk.
constexpr std::size_t log_cache_bytes = 128 * mib;
/// Bytes of a segment file between two entries of its index in memory: 24 bytes for each 32 KiB.
constexpr std::size_t log_index_spacing_bytes = 32 * kib;
/// Bytes that one partition gives from disk to one fetch; a consumer asks again sooner than more could be read.
constexpr std::size_t stored_read_bytes = 4 * mib;
/// Data files held open at once, of the files that the process may open; the rest come again when they are needed.
constexpr std::size_t open_data_files_of(std::size_t files_max) {
    constexpr std::size_t most = 4096;
    return files_max / 4 < most ? files_max / 4 : most;
}
/// Producer ids reserved at once in the journal; a restart skips what is left of them.
constexpr std::int64_t producer_ids_reserved = 1000;
constexpr std::size_t topics = 10'000;
constexpr std::size_t partitions_per_topic = 10'000;
constexpr std::size_t partitions = 50'000;

/// Incremental fetch sessions; a client without one fetches in full. Each connection of a consumer has one.
constexpr std::size_t fetch_sessions = 10'000;

// --- groups and transactions -------------------------------------------------------------------------------------
constexpr std::size_t groups = 10'000;
constexpr std::size_t members_per_group = 10'000;
constexpr std::size_t member_metadata_bytes = 1 * mib;
constexpr std::size_t transactional_ids = 10'000;
/// Batches remembered per producer and partition to recognise a resend: Kafka's clients keep at most 5 in flight.
constexpr std::size_t batches_remembered_per_producer = 5;
constexpr std::size_t producers_per_partition = 100'000;

// --- faults ------------------------------------------------------------------------------------------------------
/// Buffers in which changed batches are written, kept to be used again: the few batches in flight of a few producers.
constexpr std::size_t rewrite_buffers = 32;
/// The largest of them; Java's and librdkafka's batches have 16 KiB to 1 MiB, most of them far less.
constexpr std::size_t rewrite_buffer_bytes = 256 * kib;
constexpr std::size_t rules = 1'000;
constexpr std::size_t rule_file_bytes = 4 * mib;
/// Leases on rules at once: an experiment holds one. And how long one may last without being renewed, in seconds.
constexpr std::size_t leases = 1'000;
constexpr int lease_seconds_max = 24 * 3600;
/// Messages that are held back (late, reorder, delayed duplicates) and their bytes, over all rules.
constexpr std::size_t held_messages = 1'000'000;
constexpr std::size_t held_bytes = 512 * mib;
/// Clients whose group is remembered, because a Fetch does not name it.
constexpr std::size_t group_attributions = 100'000;
/// Counters of a client's messages in a partition, and maps of a producer's sequences in a partition.
constexpr std::size_t ordinal_counters = 1'000'000;
constexpr std::size_t sequence_maps = 100'000;
/// Ledger entries kept in memory; exact counters never drop.
constexpr std::size_t ledger_entries = 100'000;

// --- load --------------------------------------------------------------------------------------------------------
/// A scenario file; people write a few KiB.
constexpr std::size_t scenario_file_bytes = 4 * mib;
/// Steps of one scenario file, counted as often as they are read: an alias inside an alias could name billions.
constexpr std::size_t scenario_steps = 10'000;
/// Steps inside steps, and values inside the JSON of a body: both are read by recursion.
constexpr int scenario_nesting = 32;
/// A body as a scenario writes it, before its variables are filled in; the same guard against aliases.
constexpr std::size_t scenario_body_bytes = 1 * mib;
/// Names that one scenario saves values under: each is room in every user's row.
constexpr std::size_t scenario_saved_names = 256;
/// A regular expression of a check, and the names of steps, services and feeds.
constexpr std::size_t scenario_pattern_bytes = 1000;
constexpr std::size_t scenario_name_bytes = 200;
/// Users and users a second that a plan may ask for: a hundred times what one machine holds. And passes of a loop.
constexpr double load_users = 1e9;
constexpr double load_users_per_s = 1e6;
constexpr std::int64_t load_loop_passes = 1'000'000'000;
/// A feed is read whole: a row of 160 bytes for each of 400,000 users.
constexpr std::size_t feed_file_bytes = 64 * mib;
constexpr std::size_t feed_columns = 1'000;
/// Cells of one feed: while it is read each takes 32 bytes and more beside its text.
constexpr std::size_t feed_cells = 16 * 1024 * 1024;

/// Cookies of one user, as they are sent; a session id or two take 100 bytes.
constexpr std::size_t load_cookie_bytes = 512;
/// Kinds of errors that a worker tells apart in a second; what comes after is counted as "other errors".
constexpr std::size_t load_error_kinds = 1'000;
/// Head of an answer; servers send less than 8 KiB. A longer one fails its step.
constexpr std::size_t load_answer_head_bytes = 64 * kib;
/// Read from one connection before the others have their turn, against bodies that never end.
constexpr std::size_t load_read_turn_bytes = 1 * mib;
/// Steps of a user that need no time, one after the other, before the others have their turn.
constexpr int load_steps_at_once = 1'000;
/// Users that begin in one turn of the loop, before answers are read again.
constexpr int load_arrivals_at_once = 64;
/// Ports that are tried for a connection before it fails: others may hold some.
constexpr int load_port_tries = 1'000;
/// Worker processes of one machine: 20,000 files each make two million connections.
constexpr std::size_t load_workers = 128;
/// How many times as fast as planned users may come: a thousandfold makes of the slowest plan more than a machine does.
constexpr double load_rate_factor = 1'000;
/// One frame between a coordinator and a worker: a report of a second of all histograms, or a whole feed.
constexpr std::size_t load_frame_bytes = feed_file_bytes + 1 * mib;
/// Requests that a worker keeps as evidence in a second, failed and slow ones apart; a run keeps 10,000 in all.
constexpr std::size_t load_witnesses_per_second = 20;
/// What a witness says beside its kind, its step and its user.
constexpr std::size_t load_witness_detail_bytes = 200;
/// Machines of one run: each reports once a second to one coordinator.
constexpr std::size_t load_machines = 64;
/// Phases of a run: each has histograms of every step.
constexpr std::size_t load_phases = 100;
/// A machine's name, and a sentence about it, as they come over a bus.
constexpr std::size_t load_bus_text_bytes = 4 * kib;
/// A frame crosses the bus in pieces that every cluster takes: the default of message.max.bytes is 1 MiB.
constexpr std::size_t load_bus_piece_bytes = 512 * kib;
/// A machine of which so long nothing was heard is lost: several times what a busy broker keeps a message waiting.
constexpr int load_machine_silence_s = 6;
/// Machines whose coordinator says nothing for so long end their users: load that nobody steers is never wanted.
constexpr int load_coordinator_silence_s = 10;
/// How long another coordinator on the same bus may take to be heard; it says something each half second.
constexpr int load_bus_claim_ms = 1'500;
/// Messages of one worker's producer that wait for Kafka, and their bytes: seconds of what one core can send. What
/// comes on top fails at once, instead of growing for as long as a broker is away.
constexpr std::size_t load_producer_messages = 100'000;
constexpr std::size_t load_producer_kib = 64 * kib;
/// What the consumer of awaited events holds that is read and not yet looked at.
constexpr std::size_t load_consumer_kib = 32 * kib;
/// Events and outcomes of awaits that are remembered besides the waits under way: those of a minute at 16,000 a second.
constexpr std::size_t load_await_entries = 1'000'000;
/// For so long an event waits for its await, and an await that has ended for events that double it or come late.
constexpr int load_await_window_s = 60;
/// Events that are looked at before waits that begin have their turn.
constexpr int load_await_events_at_once = 1'000;
/// For so long the awaited topics may take to be found before a run; a new broker needs a second or two.
constexpr int load_await_start_s = 10;
/// After the last user events are read until there are none for a moment, and no longer than this.
constexpr int load_await_end_ms = 2'000;

// --- control -----------------------------------------------------------------------------------------------------
/// Connections to the control API at once; people and scripts, not traffic.
constexpr std::size_t admin_connections = 256;
/// Events that wait for a client of /v1/events; one that is slower is dropped, not waited for.
constexpr std::size_t events_queued_per_client = 10'000;
/// A dry run: messages of a partition's tail; messages and bytes in all, about a second of work, in which the control
/// API answers nobody else; bytes that the data loop hands out in one turn (it copies none); examples a rule.
constexpr std::size_t dry_run_messages_per_partition = 10'000;
constexpr std::size_t dry_run_messages = 200'000;
constexpr std::size_t dry_run_bytes = 128 * mib;
constexpr std::size_t dry_run_slice_bytes = 1 * mib;
constexpr std::size_t dry_run_examples = 10;
/// Rows of one answer of a list.
constexpr std::size_t list_rows = 10'000;

// --- runs --------------------------------------------------------------------------------------------------------
/// A row of an interval log: a histogram of five digits over all of 63 bits whose every place holds a count takes less.
constexpr std::size_t histogram_log_line_bytes = 64 * mib;
/// Requests of a run that are kept one by one, failed and slow ones as evidence; all others are only counted.
constexpr std::size_t run_witnesses = 10'000;
/// What a witness, a note or a detail says; a longer one is cut.
constexpr std::size_t run_text_bytes = 1 * kib;
/// The command that does a run again; the kernel takes longer ones, people do not.
constexpr std::size_t run_command_line_bytes = 16 * kib;
/// Steps, and kinds of errors, that a run tells apart; a scenario has tens. What comes after is counted as "other".
constexpr std::size_t run_steps = 1'000;
constexpr std::size_t run_error_kinds = 1'000;
/// What report.html draws and lists, so that an hour with 20 replicas stays below 3 MiB and opens in under a second.
/// Points of a line: about what a wide screen has columns for. Longer runs are drawn in buckets that keep least and
/// most.
constexpr std::size_t report_points = 900;
/// Points of all lines of samples together; and the fewest that a line still says something with.
constexpr std::size_t report_sample_points = 60'000;
constexpr std::size_t report_points_min = 60;
/// Steps, kinds of errors and rules that have lines of their own, the busiest; the rest is in the sums and in the
/// tables.
constexpr std::size_t report_step_lines = 24;
constexpr std::size_t report_error_lines = 48;
constexpr std::size_t report_rule_lines = 24;
/// Rows of a table: requests kept as evidence, ledger entries of each rule and of all, instances, notes, errors.
constexpr std::size_t report_witnesses = 200;
constexpr std::size_t report_entries_per_rule = 12;
constexpr std::size_t report_entries = 240;
constexpr std::size_t report_rows = 1'000;
/// Of the file that the run was made from; people write a few KiB.
constexpr std::size_t report_source_bytes = 64 * kib;
/// Instances, and names of metrics, that a run tells apart: 200 replicas that restart every minute for an hour are
/// 12,000.
constexpr std::size_t run_instances = 100'000;
constexpr std::size_t run_metrics = 10'000;
/// Samples and ledger entries that wait in memory for the next second; at the limit they are written at once.
constexpr std::size_t run_rows_waiting = 100'000;
/// Ledger entries copied into a run: evidence to look at. The ledger's own file has all of them, its counters never
/// drop.
constexpr std::size_t run_ledger_entries = 1'000'000;
/// How long a writer waits for another process that writes to the same run.
constexpr int run_lock_wait_ms = 10'000;
// --- watch -------------------------------------------------------------------------------------------------------
/// Targets of one watch, and the bytes of a file of them: a system has tens of services, not thousands.
constexpr std::size_t watch_targets = 1'000;
constexpr std::size_t watch_target_file_bytes = 1 * mib;
/// Instances watched at once; each takes about 20 KiB and two descriptors. More are not taken in, and that is said.
constexpr std::size_t watched_instances = 5'000;
/// Looks that wait to be written into a run: a minute of a disk that does not answer, at a look a second. Later ones
/// are left out, and that is noted.
constexpr std::size_t watch_looks_waiting = 60;
/// Processes of one instance that are looked at one by one (files, threads); a cgroup's own figures cover all of them.
constexpr std::size_t processes_per_instance = 1'000;
/// Subfolders of one cgroup whose processes and kills are counted as its own.
constexpr std::size_t cgroup_subfolders = 200;
/// The longest answer of a container engine: 10,000 containers in a list are about 10 MiB.
constexpr std::size_t engine_answer_bytes = 32 * mib;
/// A container engine that does not answer within this is called dead; asked again every few seconds.
constexpr int engine_answer_ms = 5'000;
/// Seconds of memory that a forecast looks back on: long enough for a slope, short enough to notice a change.
constexpr std::size_t forecast_samples = 60;
/// The largest file of /proc or a cgroup that is read: a memory.stat is 2 KiB, a long command line 128 KiB.
constexpr std::size_t kernel_file_bytes = 256 * kib;

} // namespace cb::limits
