// Admission: what a shard makes of a CONNECT: refuse it, resume a session, begin one, or let the
// newcomer wait while the first connection with its client id is probed. MQTT 5.0, section 3.1.4.
#include <algorithm>

#include "broker/base/log.hpp"
#include "broker/core/broker.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {
namespace {

// How often a probed connection is looked at. An answer on a local network takes well under a
// millisecond.
constexpr milliseconds probe_step{25};

}  // namespace

Contest::~Contest() { shard.deadlines().cancel(*this); }

void Contest::expired(TimePoint) { shard.settle(*this); }

void Shard::admit(Link& link, std::unique_ptr<ConnectRequest> request) {
    const auto& will = request->view().will;
    if (will && settings().denied_publish == DeniedPublish::disconnect &&
        !request->identity->may_publish_mqtt(will->topic)) {
        note_refused(link, *request, AuditEvent::Kind::will_refused, will->topic,
                     request->identity->decide_publish(will->topic).rule);
        return refuse(link, *request, Reason::not_authorized,
                      "its will is on a topic it may not publish to");
    }
    if (Contest* const earlier = contest_for(request->client_id)) settle(*earlier);
    Session* const first = find(request->client_id);
    if (first != nullptr && first->identity().id() != request->identity->id())
        return refuse(link, *request, Reason::client_identifier_not_valid,
                      "the session with this client id belongs to another identity");
    if (first == nullptr || first->link() == nullptr) return enter(link, std::move(request));
    if (settings().duplicate_client_id == DuplicatePolicy::take_over) {
        first->detach(End::taken_over, Reason::session_taken_over);
        return enter(link, std::move(request), true);
    }
    if (settings().duplicate_probe.count() == 0 || contest_for(request->client_id) != nullptr)
        return refuse(link, *request, Reason::client_identifier_not_valid,
                      "duplicate client id: another connection has it");
    first->link()->begin_probe();
    auto contest = std::make_unique<Contest>(*this, link, std::move(request),
                                             now_ + settings().duplicate_probe);
    deadlines_.set(*contest, std::min(now_ + probe_step, contest->until));
    contests_.push_back(std::move(contest));
}

bool Shard::is_connected(std::string_view client_id) const {
    const auto found = sessions_.find(client_id);
    return found != sessions_.end() && found->second->link() != nullptr;
}

void Shard::settle(Contest& contest) {
    Link& newcomer = contest.newcomer;
    Session* const first = find(contest.request->client_id);
    if (first == nullptr || first->link() == nullptr)
        return enter(newcomer, end_contest(contest), true);
    if (first->link()->probe_answered()) {
        const auto request = end_contest(contest);
        return refuse(newcomer, *request, Reason::client_identifier_not_valid,
                      "duplicate client id: the first connection is alive");
    }
    if (now_ < contest.until)
        return deadlines_.set(contest, std::min(now_ + probe_step, contest.until));
    if (may_log())
        log::info("client {} from {}: no sign of life, its place goes to {}", first->client_id(),
                  first->link()->address(), newcomer.address());
    first->detach(End::broker_closed, Reason::success,
                  fmt::format("no sign of life, its place went to {}", newcomer.address()));
    enter(newcomer, end_contest(contest), true);
}

Contest* Shard::contest_for(std::string_view client_id) {
    const auto found = std::ranges::find_if(
        contests_, [&](const auto& contest) { return contest->request->client_id == client_id; });
    return found == contests_.end() ? nullptr : found->get();
}

std::unique_ptr<ConnectRequest> Shard::end_contest(Contest& contest) {
    deadlines_.cancel(contest);
    const auto found = std::ranges::find_if(
        contests_, [&](const auto& candidate) { return candidate.get() == &contest; });
    settled_.push_back(std::move(*found));
    contests_.erase(found);
    return std::move(contest.request);
}

void Shard::enter(Link& link, std::unique_ptr<ConnectRequest> request, bool in_place_of_another) {
    request->identity = recheck(request->client_id, request->identity);
    if (!request->identity)
        return refuse(link, *request, Reason::bad_user_name_or_password,
                      "its device or key was revoked while it connected");
    Session* session = find(request->client_id);
    // One that ends here is still counted.
    const bool has_place = in_place_of_another || session != nullptr;
    if (session != nullptr && session->is_set() && session->at() <= now_) {
        session->catch_up();  // its will, or its end, was due before the client came back
        session = find(request->client_id);
    }
    if (!has_place && broker_.sessions() >= settings().limits.max_sessions)
        return refuse(link, *request, Reason::quota_exceeded, "the broker has max_sessions");
    bool forgets_one = false;
    if (session != nullptr && request->view().clean_start) {  // MQTT-3.1.2-4
        forgets_one = session->is_kept();
        session->discard();
        session = nullptr;
    }
    const bool session_present = session != nullptr;
    if (!session_present) session = &add_session(request->client_id);
    session->attach(link, *request, session_present);
    if (forgets_one && !link.held && link.session != nullptr && keeper_.must_hold(Until::committed))
        keeper_.hold(link);
}

void Shard::refuse(Link& link, const ConnectRequest& request, Reason reason, std::string_view why) {
    stats_.connects_refused.add();
    if (may_log())
        log::info("client {} from {}: refused, {}", request.client_id, link.address(), why);
    note_refused(link, request, AuditEvent::Kind::connect_refused, {}, why);
    append_refusal(request.view(), reason, why, link.output.bytes());
    mark_dirty(link);
    link.close(false);
}

void Shard::note_refused(const Link& link, const ConnectRequest& request, AuditEvent::Kind kind,
                         std::string_view topic, std::string_view why) {
    const std::string identity(request.identity ? request.identity->id() : request.client_id);
    broker_.audit().note({.kind = kind,
                          .identity = identity,
                          .client_id = request.client_id,
                          .address = link.address(),
                          .subject = std::string(topic),
                          .why = std::string(why)});
}

void Shard::link_lost(Link& link, std::string_view why) {
    std::erase(dirty_, &link);
    link.dirty = false;
    keeper_.forget(link);
    if (link.session != nullptr) {
        Session& session = *link.session;
        session.detach(End::connection_lost, Reason::success, why);
        if (Contest* const contest = contest_for(session.client_id())) settle(*contest);
        return;
    }
    for (const auto& contest : contests_) {
        if (&contest->newcomer != &link) continue;
        end_contest(*contest);
        return;
    }
}

}  // namespace drawbridge::core
