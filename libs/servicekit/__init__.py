"""The IO shell that all services share: servers, clients, stores and clocks, with no business."""
