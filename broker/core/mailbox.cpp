#include "broker/core/mailbox.hpp"

#include <utility>

#include "broker/base/limits.hpp"

namespace drawbridge::core {

const std::size_t Mailbox::limit_ = limits::mailbox_bytes_max;

std::size_t Mailbox::bytes_of(const Mail& mail) {
    return mail.shared.bytes() + (mail.published ? mail.published->bytes() : 0) +
           mail.share_news.size() * sizeof(ShareNews) +
           mail.offers_taken.size() * sizeof(OfferTaken) + mail.taken.size() * sizeof(Taken);
}

bool Mailbox::post(Mail mail) {
    const std::scoped_lock lock(mutex_);
    bytes_.fetch_add(bytes_of(mail), std::memory_order_relaxed);
    waiting_.push_back(std::move(mail));
    has_mail_.store(true, std::memory_order_release);
    return std::exchange(asleep_, false);
}

void Mailbox::take(std::vector<Mail>& mail) {
    mail.clear();
    const std::scoped_lock lock(mutex_);
    waiting_.swap(mail);
    has_mail_.store(false, std::memory_order_relaxed);
    bytes_.store(0, std::memory_order_relaxed);
}

bool Mailbox::fall_asleep() {
    const std::scoped_lock lock(mutex_);
    asleep_ = waiting_.empty();
    return asleep_;
}

void Mailbox::wake_up() {
    const std::scoped_lock lock(mutex_);
    asleep_ = false;
}

}  // namespace drawbridge::core
