#include "broker/app/cli_device_files.hpp"

#include <memory>

#include "broker/app/device_export.hpp"
#include "broker/app/example.hpp"
#include "broker/app/import_file.hpp"

namespace drawbridge::app {
namespace {

const CLI::Validator is_format = CLI::IsMember({"csv", "jsonl"});

}  // namespace

void add_device_file_commands(CLI::App* device, const GlobalOptions& options) {
    const auto import_arguments = std::make_shared<ImportFile>();
    CLI::App* read = device->add_subcommand(
        "import", "adds the devices of a file: all of them, or none if a line is wrong");
    read->add_option("FILE", import_arguments->file, "CSV or JSON lines; - reads stdin")
        ->required();
    read->add_option("--format", import_arguments->format, "csv or jsonl; else by its first line")
        ->check(is_format);
    read->add_flag("--update", import_arguments->options.update,
                   "change the devices that are there already");
    read->add_flag("--make-keys", import_arguments->options.make_keys,
                   "make an API key for each device that has none, and print them, once");
    read->callback([&options, import_arguments] { import_devices(options, *import_arguments); });
    add_examples(read, {"device import fleet.csv", "device import fleet.csv --make-keys > keys.csv",
                        "device import - --update < fleet.jsonl"});

    const auto export_arguments = std::make_shared<ExportDevices>();
    CLI::App* write = device->add_subcommand(
        "export", "prints all devices and services in a form that import reads");
    write
        ->add_option("--format", export_arguments->format,
                     "csv, or jsonl, which has rules, keys and PSKs, too")
        ->check(is_format);
    write->add_flag(
        "--with-keys", export_arguments->with_keys,
        "with the hashes of their API keys and their sealed PSKs (jsonl), good with the same "
        "secret.key");
    write->callback([&options, export_arguments] { export_devices(options, *export_arguments); });
    add_examples(write, {"device export > fleet.csv",
                         "device export --format jsonl --with-keys > fleet.jsonl"});
}

}  // namespace drawbridge::app
