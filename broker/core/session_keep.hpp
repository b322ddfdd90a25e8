// SessionKeep: what a session that outlives the process remembers of what the journal knows of it.
// Null for all others.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/ring.hpp"
#include "broker/core/kept.hpp"

namespace drawbridge::core {

class Session;

namespace hook {
using AutoUnlink = boost::intrusive::link_mode<boost::intrusive::auto_unlink>;
struct Unsaved;
struct WithQueue;
}  // namespace hook

using UnsavedHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<hook::Unsaved>, hook::AutoUnlink>;
using WithQueueHook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<hook::WithQueue>, hook::AutoUnlink>;

struct SessionKeep : UnsavedHook, WithQueueHook {
    // What was told with a bundle.
    struct Told {
        std::uint64_t bundle;
        std::uint64_t seq;
    };

    SessionKeep(Session& of, SessionId as) : session(of), id(as) {}

    Session& session;
    const SessionId id;
    std::uint64_t told = 0;     // messages up to this seq are with the journal
    std::uint64_t on_disk = 0;  // and up to this one committed
    Ring<Told> under_way;
    // When the broker died the client was connected, and may have been sent what is on disk as
    // waiting, up to this seq.
    std::uint64_t perhaps_sent = 0;
    std::uint64_t handed_on_in = 0;    // the keeper's round in which a message was, the last time
    TimePoint expired_looked_for{};    // on disk, the last time
    std::uint16_t last_packet_id = 0;  // while there is no Outbound
    std::vector<std::string> groups;   // "share/filter" of all that it has been a member of
    bool itself_changed = true;        // the row of the session
    bool loading = false;              // something is being read back
    bool judge_stored = false;         // its rules have changed since the messages on disk came
    std::vector<std::pair<std::string, std::string>> subscriptions;  // changed: share and filter
    std::vector<std::uint16_t> received;                             // changed
};

}  // namespace drawbridge::core
