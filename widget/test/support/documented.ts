// The names that document 001 of the Customer SDK promises.

export const METHODS = [
  'acceptGreeting', 'activateChat', 'cancelGreeting', 'cancelRate', 'connect', 'deactivateChat', 'deleteChatProperties',
  'deleteEventProperties', 'deleteThreadProperties', 'destroy', 'disconnect', 'getChat', 'getChatHistory', 'getCustomer', 'getForm',
  'getPredictedAgent', 'getUrlInfo', 'listChats', 'listGroupStatuses', 'listThreads', 'markEventsAsSeen', 'off', 'on', 'once', 'rateChat',
  'sendEvent', 'sendRichMessagePostback', 'sendTicketForm', 'setCustomerSessionFields', 'setSneakPeek', 'startChat',
  'updateChatProperties', 'updateCustomer', 'updateCustomerPage', 'updateEventProperties', 'updateThreadProperties', 'uploadFile',
];

export const EVENTS = [
  'availability_updated', 'chat_deactivated', 'chat_properties_deleted', 'chat_properties_updated', 'chat_transferred', 'connected',
  'connection_recovered', 'connection_unstable', 'customer_id', 'customer_page_updated', 'customer_updated', 'disconnected',
  'event_properties_deleted', 'event_properties_updated', 'event_updated', 'events_marked_as_seen', 'greeting_accepted',
  'greeting_canceled', 'incoming_chat', 'incoming_event', 'incoming_greeting', 'incoming_rich_message_postback',
  'incoming_typing_indicator', 'queue_position_updated', 'thread_properties_deleted', 'thread_properties_updated', 'user_added_to_chat',
  'user_data', 'user_removed_from_chat',
];
