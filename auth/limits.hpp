// The bounds of authentication, with unit and reason.
#pragma once

#include <cstddef>

#include "broker/base/clock.hpp"
#include "broker/base/limits.hpp"

namespace drawbridge::limits {

// CONNECTs that wait for the authenticator. One takes 1.5 us when its device is remembered and 16
// us when not (measured), so a full queue is answered in 0.1 s; who comes then is told server_busy.
constexpr std::size_t authentications_waiting_max = 8'192;

// Devices whose record the authenticator remembers; 450 bytes each with one key (measured). Enough
// for those that reconnect again and again; a whole fleet that comes back at once is looked up at
// 16 us each.
constexpr std::size_t device_records_max = 2'048;

// Keys and own rules of one device: both are kept with its record, and looked through one by one.
constexpr std::size_t keys_per_device_max = 32;
constexpr std::size_t rules_per_device_max = 256;

// Channels of one device: with the rules that a profile has for each of them, they are looked
// through one by one as well.
constexpr std::size_t channels_per_device_max = 64;

// Bytes of a device's name, of a key's label, and of a rule's filter.
constexpr std::size_t text_bytes_max = 256;
constexpr std::size_t rule_filter_bytes_max = 1'024;

// The text of a profile, some hundred rules.
constexpr std::size_t profile_file_bytes_max = 64u << 10;

// Devices that are read from the database at a time where all of them are listed: a page takes 2 ms
// and less than a megabyte.
constexpr std::size_t device_page = 1'000;

// How long a change made by another process may go unseen. Looking costs 10 us.
constexpr milliseconds change_watch_interval{250};

// Changed devices of which is asked in one go whether they are gone or disabled, at 1 us each; and
// of the others, whose live sessions are told in one go, at 15 us each: logins wait for no more
// than that, also after a change of a hundred thousand devices.
constexpr std::size_t changes_asked_at_once = 1'000;
constexpr std::size_t changes_told_at_once = 100;

// Rows that the authenticator deletes in one go from the list of changes; 1 us each.
constexpr int changes_forgotten_at_once = 5'000;

// "Last seen", "last used" and "last refusal" are written together, at most so often, and earlier
// if they have become this many: a write for each CONNECT would cost an fsync each.
constexpr seconds sightings_write_interval{5};
constexpr std::size_t sightings_waiting_max = 1'024;

// What the login throttle remembers: names, addresses and names at addresses of which something has
// failed or that have connected lately, in each of seven tables; some 200 bytes each. And who was
// admitted from where lately, in each of two tables, 100 bytes each: those are no strangers there.
constexpr std::size_t throttled_names_max = 8'192;
constexpr std::size_t throttle_admitted_max = 65'536;
constexpr std::chrono::hours throttle_admitted_lately{24};

// Lockouts that `throttle list` shows and status counts: those that end last.
constexpr std::size_t locks_listed_max = 1'000;

// Events that wait for the audit's writer, some 300 bytes each. It writes once in so long, or when
// a quarter is full.
constexpr std::size_t audit_events_waiting_max = 16'384;
constexpr milliseconds audit_write_interval{1'000};
constexpr milliseconds audit_busy{1'000};
constexpr seconds audit_prune_interval{60};  // when nothing else is to be written

// What the audit keeps of one device, and bytes of a topic or a reason in it.
constexpr std::size_t audit_rows_per_device_max = 1'024;
constexpr std::size_t audit_text_bytes_max = 512;

// The authenticator's own writes wait so long for another writer and are tried again later: logins
// must not wait behind somebody's import.
constexpr milliseconds authenticator_busy{50};

}  // namespace drawbridge::limits
