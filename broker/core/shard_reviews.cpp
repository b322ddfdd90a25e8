// What becomes of clients whose identity has changed, a piece in each turn: a shard may have a
// million of them, and the others must not wait for that.
#include "broker/core/shard.hpp"

namespace drawbridge::core {
namespace {

// In clients that are looked at.
constexpr std::size_t work_of_new_rules = 4;
constexpr std::size_t work_of_an_end = 16;

}  // namespace

void Shard::review_identities(Judge judge, std::function<void()> done) {
    reviews_.push_back({std::move(judge), std::move(done)});
    if (reviews_.size() == 1) roster_.begin_walk();
}

void Shard::review_some() {
    std::size_t work = 0;
    while (!reviews_.empty() && work < limits::reviewed_per_turn_max) {
        if (Client* const client = roster_.next()) {
            ++work;
            Verdict verdict = reviews_.front().judge(client->client_id(), client->held_identity());
            if (verdict.kind == Verdict::Kind::keep) continue;
            work += verdict.kind == Verdict::Kind::replace ? work_of_new_rules : work_of_an_end;
            carry_out(std::move(verdict), *client);
            continue;
        }
        const auto done = std::move(reviews_.front().done);
        reviews_.pop_front();
        roster_.begin_walk();
        if (done) done();  // and perhaps the next one begins
    }
}

void Shard::carry_out(Verdict verdict, Client& client) {
    if (client.is_guest()) {
        auto& guest = static_cast<Guest&>(client);
        if (verdict.kind == Verdict::Kind::replace)
            guest.change_identity(std::move(verdict.identity));
        else
            guest.end(Reason::not_authorized);
        return;
    }
    auto& session = static_cast<Session&>(client);
    if (verdict.kind == Verdict::Kind::replace)
        return session.change_identity(std::move(verdict.identity));
    if (session.link() != nullptr) session.detach(End::broker_closed, Reason::not_authorized);
    if (verdict.kind == Verdict::Kind::discard && find(session.client_id()) == &session)
        session.discard();
}

}  // namespace drawbridge::core
