//! The integration crate: tests that run programs from outside, with their own folders and ports.
//! A test belongs here when it needs a process, a disk or a socket; to add one, add a module.

mod adaptive_cards;
mod api;
mod broken;
mod commands;
mod disk;
mod edge;
mod gaps;
mod home;
mod kill;
mod link;
mod living;
mod modals;
mod notices;
mod oauth;
mod operations;
mod outage;
mod pages;
mod power;
mod power_cut;
mod power_server;
mod same;
mod setup;
mod simulation;
mod slack_models;
mod sockets;
mod stage;
mod support;
mod teams;
mod teams_certificate;
mod teams_connector;
mod teams_dialogs;
mod teams_manifest;
mod teams_playground;
mod teams_search;
mod why;
