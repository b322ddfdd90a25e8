// What a shard does for guests: clients without a session.
#include <algorithm>

#include "broker/core/broker.hpp"
#include "broker/core/shard.hpp"

namespace drawbridge::core {

void Shard::add_guest(Guest& guest) {
    guests_.emplace(guest.client_key(), &guest);
    roster_.add(guest);
    stats_.guests.add();
    stats_.connections.add();
}

void Shard::remove_guest(Guest& guest) {
    if (guests_.erase(guest.client_key()) == 0) return;
    roster_.remove(guest);
    members_.erase(guest.client_key());
    keeper_.forget_paused(guest);
    stats_.guests.subtract();
    stats_.connections.subtract();
}

void Shard::visit_guests(const std::function<void(Guest&)>& visit) const {
    for (const auto& [key, guest] : guests_) visit(*guest);
}

bool Shard::kick_guests(std::string_view client_id) {
    std::vector<Guest*> concerned;
    visit_guests([&](Guest& guest) {
        if (guest.client_id() == client_id) concerned.push_back(&guest);
    });
    for (Guest* guest : concerned) guest->end(Reason::administrative_action);
    return !concerned.empty();
}

// Who is ended leaves the table, so it is not walked meanwhile.
void Shard::end_guests(Reason reason) {
    std::vector<Guest*> all;
    visit_guests([&](Guest& guest) { all.push_back(&guest); });
    for (Guest* guest : all) {
        if (reason == Reason::server_shutting_down) guest->warn_of_end();
        guest->end(reason);
    }
}

// --- what has become of a message elsewhere
// --------------------------------------------------------

// For the answer to the shard that published it.
void Shard::note_taken(unsigned shard, const PublishBatch::Item& item) {
    mail_for(shard).taken.push_back({item.receiver, item.asks});
}

std::uint64_t Shard::tell_when_heard(const Guest& guest) {
    for (unsigned shard = 0; shard < broker_.shards(); ++shard)
        if (shard != index_) mail_for(shard).asks = true;
    if (asked_.empty() || asked_.back().turn != turn_ || asked_.back().guest != guest.client_key())
        asked_.push_back({turn_, guest.client_key()});
    return turn_;
}

void Shard::take_answers(const Mail& mail) {
    if (mail.asks) mail_for(mail.from).heard = mail.turn;
    if (mail.heard == 0) return;
    for (const Taken& taken : mail.taken)
        if (const auto guest = guests_.find(taken.sender); guest != guests_.end())
            guest->second->taken(taken.asks);
    heard_.resize(broker_.shards());
    heard_[mail.from] = mail.heard;
}

void Shard::tell_who_asked() {
    if (asked_.empty() || heard_.empty()) return;
    std::uint64_t by_all = UINT64_MAX;
    for (unsigned shard = 0; shard < broker_.shards(); ++shard)
        if (shard != index_) by_all = std::min(by_all, heard_[shard]);
    while (!asked_.empty() && asked_.front().turn <= by_all) {
        const Asked asked = asked_.front();
        asked_.pop_front();
        if (const auto guest = guests_.find(asked.guest); guest != guests_.end())
            guest->second->heard(asked.turn);
    }
}

}  // namespace drawbridge::core
