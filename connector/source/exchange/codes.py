"""The EWS response codes by class (ResponseCodeType of the Exchange 2016 schema, MS-OXWSCDATA 2.2.5.24)."""

from __future__ import annotations

from enum import StrEnum


class Class(StrEnum):
    """What a response code asks of us; the words say how far it reaches."""

    BUSY = "busy"  # too much at once, or a fault that passes: later
    TOO_MANY = "too-many"  # a count is exhausted: fewer, or through another anchor
    MOVED = "moved"  # the mailbox or the way to it is moving
    ACCOUNT = "account"  # this mailbox or the service account is closed to us
    CONFIG = "config"  # something is set up wrongly on the server
    SYNC_STATE = "sync-state"  # the bookmark or its folder is gone
    SUB_DEAD = "sub-dead"  # the subscription is gone: a new one
    EVENTS_LOST = "events-lost"  # the subscription lives, a sync is needed
    TAKEN_OVER = "taken-over"  # another connection streams the same subscriptions
    ITEM = "item"  # one item, not its neighbours
    MEETING = "meeting"  # the answer to a meeting is not possible
    REQUEST = "request"  # the request itself
    FREE_BUSY = "free-busy"  # one person's free/busy
    VERSION = "version"  # the announced version does not suit the server
    IGNORE = "ignore"  # never sent to clients like us
    UNKNOWN = "unknown"  # a code that no public page names
    FOREIGN = "foreign"  # belongs to operations that are never asked


_BY_CLASS: dict[Class, str] = {
    Class.BUSY: """
        ErrorClientDisconnected ErrorInsufficientResources ErrorInternalServerError
        ErrorInternalServerTransientError ErrorNotEnoughMemory ErrorServerBusy ErrorTimeoutExpired
        ErrorWin32InteropError
    """,
    Class.TOO_MANY: """
        ErrorExceededConnectionCount ErrorExceededFindCountLimit ErrorExceededSubscriptionCount
        ErrorTooManyObjectsOpened
    """,
    Class.MOVED: """
        ErrorADOperation ErrorADUnavailable ErrorAutoDiscoverFailed ErrorConnectionFailed
        ErrorCrossSiteRequest ErrorMailboxFailover ErrorMailboxMoveInProgress
        ErrorMailboxStoreUnavailable ErrorNoApplicableProxyCASServersAvailable
        ErrorNoPublicFolderServerAvailable ErrorNoRespondingCASInDestinationSite
        ErrorProxiedSubscriptionCallFailure ErrorProxyRequestNotAllowed
        ErrorProxyRequestProcessingFailed ErrorProxyServiceDiscoveryFailed
        ErrorServiceDiscoveryFailed ErrorWrongServerVersion ErrorWrongServerVersionDelegate
    """,
    Class.ACCOUNT: """
        ErrorAccessDenied ErrorAccountDisabled ErrorCannotFindUser ErrorCreateItemAccessDenied
        ErrorDelegateNoUser ErrorImpersonateUserDenied ErrorImpersonationDenied
        ErrorNameResolutionNoMailbox ErrorNonExistentMailbox ErrorNonPrimarySmtpAddress
        ErrorPasswordChangeRequired ErrorPasswordExpired ErrorQuotaExceeded
        ErrorSubmissionQuotaExceeded ErrorSubscriptionDelegateAccessNotSupported
    """,
    Class.CONFIG: """
        ErrorAvailabilityConfigNotFound ErrorImpersonationFailed ErrorLogonAsNetworkServiceFailed
        ErrorMailboxConfiguration ErrorOrganizationNotFederated ErrorProxyGroupSidLimitExceeded
        ErrorTokenSerializationDenied
    """,
    Class.SYNC_STATE: """
        ErrorFolderNotFound ErrorInvalidSyncStateData ErrorSyncFolderNotFound
    """,
    Class.SUB_DEAD: """
        ErrorExpiredSubscription ErrorInvalidSubscription ErrorInvalidWatermark
        ErrorReadEventsFailed ErrorSubscriptionAccessDenied ErrorSubscriptionNotFound
        ErrorSubscriptionUnsubscribed
    """,
    Class.EVENTS_LOST: """
        ErrorMissedNotificationEvents
    """,
    Class.TAKEN_OVER: """
        ErrorNewEventStreamConnectionOpened
    """,
    Class.ITEM: """
        ErrorBatchProcessingStopped ErrorCalendarCannotUpdateDeletedItem
        ErrorCalendarCannotUseIdForOccurrenceId ErrorCalendarCannotUseIdForRecurringMasterId
        ErrorCalendarInvalidRecurrence ErrorCalendarMeetingRequestIsOutOfDate
        ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange
        ErrorCalendarOccurrenceIsDeletedFromRecurrence ErrorCannotOpenFileAttachment
        ErrorChangeKeyRequired ErrorChangeKeyRequiredForWriteOperations ErrorContentConversionFailed
        ErrorCorruptData ErrorDataSizeLimitExceeded ErrorInvalidChangeKey ErrorInvalidId
        ErrorInvalidIdMalformed ErrorInvalidIdMalformedEwsLegacyIdFormat
        ErrorInvalidIdReturnedByResolveNames ErrorInvalidIdTooManyAttachmentLevels
        ErrorInvalidPropertyRequest ErrorIrresolvableConflict ErrorItemCorrupt ErrorItemNotFound
        ErrorMessageSizeExceeded ErrorMimeContentConversionFailed ErrorNameResolutionMultipleResults
        ErrorNameResolutionNoResults ErrorObjectTypeChanged ErrorRecurrenceHasNoOccurrence
        ErrorStaleObject ErrorUnsupportedRecurrence
    """,
    Class.MEETING: """
        ErrorCalendarIsCancelledForAccept ErrorCalendarIsCancelledForDecline
        ErrorCalendarIsCancelledForRemove ErrorCalendarIsCancelledForTentative
        ErrorCalendarIsDelegatedForAccept ErrorCalendarIsDelegatedForDecline
        ErrorCalendarIsDelegatedForRemove ErrorCalendarIsDelegatedForTentative
        ErrorCalendarIsNotOrganizer ErrorCalendarIsOrganizerForAccept
        ErrorCalendarIsOrganizerForDecline ErrorCalendarIsOrganizerForRemove
        ErrorCalendarIsOrganizerForTentative
    """,
    Class.REQUEST: """
        ErrorADSessionFilter ErrorCalendarCannotMoveOrCopyOccurrence ErrorCalendarDurationIsTooLong
        ErrorCalendarEndDateIsEarlierThanStartDate ErrorCalendarFolderIsInvalidForCalendarView
        ErrorCalendarInvalidTimeZone ErrorCalendarOutOfRange ErrorCalendarViewRangeTooBig
        ErrorCannotCreateCalendarItemInNonCalendarFolder ErrorCannotUseFolderIdForItemId
        ErrorCannotUseItemIdForFolderId ErrorDuplicateUserIdsSpecified
        ErrorInvalidExchangeImpersonationHeaderData ErrorInvalidIdEmpty ErrorInvalidIdMonikerTooLong
        ErrorInvalidIdNotAnItemAttachmentId ErrorInvalidIdStoreObjectIdTooLong ErrorInvalidOperation
        ErrorInvalidRequest ErrorInvalidSmtpAddress ErrorInvalidSubscriptionRequest
        ErrorInvalidUserInfo ErrorInvalidUserOofSettings ErrorMailboxDataArrayEmpty
        ErrorMailboxDataArrayTooBig ErrorMultiLegacyMailboxAccess ErrorOccurrenceCrossingBoundary
        ErrorOccurrenceTimeSpanTooBig ErrorRecurrenceEndDateTooBig ErrorRequestStreamTooBig
        ErrorRestrictionTooComplex ErrorRestrictionTooLong ErrorSchemaValidation
        ErrorSendMeetingCancellationsRequired ErrorSendMeetingInvitationsOrCancellationsRequired
        ErrorSendMeetingInvitationsRequired ErrorTimeIntervalTooBig ErrorTimeZone
        ErrorUpdatePropertyMismatch
    """,
    Class.FREE_BUSY: """
        ErrorFreeBusyDLLimitReached ErrorFreeBusyGenerationFailed ErrorMailboxLogonFailed
        ErrorMailRecipientNotFound ErrorNoCalendar ErrorNoFreeBusyAccess
        ErrorPublicFolderRequestProcessingFailed ErrorPublicFolderServerNotFound
    """,
    Class.VERSION: """
        ErrorIncorrectSchemaVersion ErrorInvalidSchemaVersionForMailboxVersion
        ErrorInvalidServerVersion
    """,
    Class.IGNORE: """
        ErrorCalendarIsGroupMailboxForAccept ErrorCalendarIsGroupMailboxForDecline
        ErrorCalendarIsGroupMailboxForSuppressReadReceipt ErrorCalendarIsGroupMailboxForTentative
        ErrorClientIntentInvalidStateDefinition ErrorClientIntentNotFound ErrorInvalidIdXml
        ErrorMessageTrackingNoSuchDomain ErrorMessageTrackingPermanentError
        ErrorMessageTrackingTransientError ErrorNoPublicFolderReplicaAvailable
        ErrorPropertyValidationFailure ErrorProxyCallFailed ErrorProxyTokenExpired
        ErrorPublicFolderMailboxDiscoveryFailed ErrorPublicFolderOperationFailed
        ErrorPublicFolderSyncException ErrorResponseSchemaValidation ErrorUnableToGetUserOofSettings
    """,
    Class.FOREIGN: """
        ErrorAccessModeSpecified ErrorAddDelegatesFailed ErrorAddressSpaceNotFound
        ErrorAffectedTaskOccurrencesRequired ErrorAttachmentNestLevelLimitExceeded
        ErrorAttachmentSizeLimitExceeded ErrorArchiveFolderPathCreation
        ErrorArchiveMailboxNotEnabled ErrorArchiveMailboxServiceDiscoveryFailed
        ErrorCalendarInvalidAttributeValue ErrorCalendarInvalidDayForTimeChangePattern
        ErrorCalendarInvalidDayForWeeklyRecurrence ErrorCalendarInvalidPropertyState
        ErrorCalendarInvalidPropertyValue ErrorCallerIsInvalidADAccount
        ErrorCannotAccessDeletedPublicFolder ErrorCannotArchiveCalendarContactTaskFolderException
        ErrorCannotArchiveItemsInPublicFolders ErrorCannotArchiveItemsInArchiveMailbox
        ErrorCannotCreateContactInNonContactFolder ErrorCannotCreatePostItemInNonMailFolder
        ErrorCannotCreateTaskInNonTaskFolder ErrorCannotDeleteObject
        ErrorCannotDisableMandatoryExtension ErrorCannotGetSourceFolderPath
        ErrorCannotGetExternalEcpUrl ErrorCannotDeleteTaskOccurrence ErrorCannotEmptyFolder
        ErrorCannotSetCalendarPermissionOnNonCalendarFolder
        ErrorCannotSetNonCalendarPermissionOnCalendarFolder ErrorCannotSetPermissionUnknownEntries
        ErrorCannotSpecifySearchFolderAsSourceFolder ErrorContainsFilterWrongType
        ErrorContentIndexingNotEnabled ErrorCreateManagedFolderPartialCompletion
        ErrorCreateSubfolderAccessDenied ErrorCrossMailboxMoveCopy ErrorDataSourceOperation
        ErrorDelegateAlreadyExists ErrorDelegateCannotAddOwner ErrorDelegateMissingConfiguration
        ErrorDelegateValidationFailed ErrorDeleteDistinguishedFolder ErrorDeleteItemsFailed
        ErrorDeleteUnifiedMessagingPromptFailed ErrorDistinguishedUserNotSupported
        ErrorDistributionListMemberNotExist ErrorDuplicateInputFolderNames ErrorEmailAddressMismatch
        ErrorEventNotFound ErrorExtensionNotFound ErrorFolderCorrupt ErrorFolderPropertRequestFailed
        ErrorFolderSave ErrorFolderSaveFailed ErrorFolderSavePropertyError ErrorFolderExists
        ErrorGetServerSecurityDescriptorFailed ErrorImContactLimitReached
        ErrorImGroupDisplayNameAlreadyExists ErrorImGroupLimitReached
        ErrorIncorrectUpdatePropertyCount ErrorIndividualMailboxLimitReached ErrorInvalidAccessLevel
        ErrorInvalidArgument ErrorInvalidAttachmentId ErrorInvalidAttachmentSubfilter
        ErrorInvalidAttachmentSubfilterTextFilter ErrorInvalidAuthorizationContext
        ErrorInvalidClientSecurityContext ErrorInvalidCompleteDate ErrorInvalidContactEmailAddress
        ErrorInvalidContactEmailIndex ErrorInvalidCrossForestCredentials
        ErrorInvalidDelegatePermission ErrorInvalidDelegateUserId ErrorInvalidExcludesRestriction
        ErrorInvalidExpressionTypeForSubFilter ErrorInvalidExtendedProperty
        ErrorInvalidExtendedPropertyValue ErrorInvalidFolderId ErrorInvalidFolderTypeForOperation
        ErrorInvalidFractionalPagingParameters ErrorInvalidFreeBusyViewType ErrorInvalidImContactId
        ErrorInvalidImDistributionGroupSmtpAddress ErrorInvalidImGroupId
        ErrorInvalidIndexedPagingParameters ErrorInvalidInternetHeaderChildNodes
        ErrorInvalidItemForOperationArchiveItem ErrorInvalidItemForOperationCreateItemAttachment
        ErrorInvalidItemForOperationCreateItem ErrorInvalidItemForOperationAcceptItem
        ErrorInvalidItemForOperationDeclineItem ErrorInvalidItemForOperationCancelItem
        ErrorInvalidItemForOperationExpandDL ErrorInvalidItemForOperationRemoveItem
        ErrorInvalidItemForOperationSendItem ErrorInvalidItemForOperationTentative
        ErrorInvalidLogonType ErrorInvalidLikeRequest ErrorInvalidMailbox
        ErrorInvalidManagedFolderProperty ErrorInvalidManagedFolderQuota
        ErrorInvalidManagedFolderSize ErrorInvalidMergedFreeBusyInterval
        ErrorInvalidNameForNameResolution ErrorInvalidNetworkServiceContext ErrorInvalidOofParameter
        ErrorInvalidPagingMaxRows ErrorInvalidParentFolder ErrorInvalidPercentCompleteValue
        ErrorInvalidPermissionSettings ErrorInvalidPhoneCallId ErrorInvalidPhoneNumber
        ErrorInvalidPropertyAppend ErrorInvalidPropertyDelete ErrorInvalidPropertyForExists
        ErrorInvalidPropertyForOperation ErrorInvalidPropertySet
        ErrorInvalidPropertyUpdateSentMessage ErrorInvalidProxySecurityContext
        ErrorInvalidPullSubscriptionId ErrorInvalidPushSubscriptionUrl ErrorInvalidRecipients
        ErrorInvalidRecipientSubfilter ErrorInvalidRecipientSubfilterComparison
        ErrorInvalidRecipientSubfilterOrder ErrorInvalidRecipientSubfilterTextFilter
        ErrorInvalidReferenceItem ErrorInvalidRestriction ErrorInvalidRetentionTagTypeMismatch
        ErrorInvalidRetentionTagInvisible ErrorInvalidRetentionTagInheritance
        ErrorInvalidRetentionTagIdGuid ErrorInvalidRoutingType ErrorInvalidScheduledOofDuration
        ErrorInvalidSecurityDescriptor ErrorInvalidSendItemSaveSettings
        ErrorInvalidSerializedAccessToken ErrorInvalidSid ErrorInvalidSIPUri
        ErrorInvalidSubfilterType ErrorInvalidSubfilterTypeNotAttendeeType
        ErrorInvalidSubfilterTypeNotRecipientType ErrorInvalidTimeInterval
        ErrorInvalidUserPrincipalName ErrorInvalidUserSid ErrorInvalidUserSidMissingUPN
        ErrorInvalidValueForProperty ErrorIPGatewayNotFound ErrorItemPropertyRequestFailed
        ErrorItemSave ErrorItemSavePropertyError ErrorLegacyMailboxFreeBusyViewTypeNotMerged
        ErrorLocalServerObjectNotFound ErrorMailboxHoldNotFound ErrorMailTipsDisabled
        ErrorManagedFolderAlreadyExists ErrorManagedFolderNotFound ErrorManagedFoldersRootFailure
        ErrorMeetingSuggestionGenerationFailed ErrorMessageDispositionRequired
        ErrorMimeContentInvalid ErrorMimeContentInvalidBase64String ErrorMissingArgument
        ErrorMissingEmailAddress ErrorMissingEmailAddressForManagedFolder
        ErrorMissingInformationEmailAddress ErrorMissingInformationReferenceItemId
        ErrorMissingItemForCreateItemAttachment ErrorMissingManagedFolderId ErrorMissingRecipients
        ErrorMissingUserIdInformation ErrorMoreThanOneAccessModeSpecified ErrorMoveCopyFailed
        ErrorMoveDistinguishedFolder ErrorNoDestinationCASDueToKerberosRequirements
        ErrorNoDestinationCASDueToSSLRequirements ErrorNoDestinationCASDueToVersionMismatch
        ErrorNoFolderClassOverride ErrorNoPropertyTagForCustomProperties ErrorNotDelegate
        ErrorOperationNotAllowedWithPublicFolderRoot ErrorParentFolderIdRequired
        ErrorParentFolderNotFound ErrorPhoneNumberNotDialable ErrorPropertyUpdate
        ErrorPromptPublishingOperationFailed ErrorQueryFilterTooLong ErrorReadReceiptNotPending
        ErrorRemoveDelegatesFailed ErrorRequestAborted ErrorRequiredPropertyMissing
        ErrorResolveNamesInvalidFolderType ErrorResolveNamesOnlyOneContactsFolderAllowed
        ErrorResultSetTooBig ErrorSavedItemFolderNotFound ErrorSearchFolderNotInitialized
        ErrorSendAsDenied ErrorSentMeetingRequestUpdate ErrorSentTaskRequestUpdate
        ErrorTeamMailboxNotFound ErrorTeamMailboxNotLinkedToSharePoint
        ErrorTeamMailboxUrlValidationFailed ErrorTeamMailboxNotAuthorizedOwner
        ErrorTeamMailboxActiveToPendingDelete ErrorTeamMailboxFailedSendingNotifications
        ErrorTeamMailboxErrorUnknown ErrorToFolderNotFound ErrorUnifiedGroupMailboxAADCreationFailed
        ErrorUnifiedGroupMailboxAADDeleteFailed ErrorUnifiedGroupMailboxNamingPolicy
        ErrorUnifiedGroupMailboxDeleteFailed ErrorUnifiedGroupMailboxNotFound
        ErrorUnifiedGroupMailboxUpdateDelayed ErrorUnifiedGroupMailboxUpdatedPartialProperties
        ErrorUnifiedGroupMailboxUpdateFailed ErrorUnifiedGroupMailboxProvisionFailed
        ErrorUnifiedMessagingDialPlanNotFound ErrorUnifiedMessagingReportDataNotFound
        ErrorUnifiedMessagingPromptNotFound ErrorUnifiedMessagingRequestFailed
        ErrorUnifiedMessagingServerNotFound ErrorUnableToRemoveImContactFromGroup
        ErrorUnsupportedSubFilter ErrorUnsupportedCulture ErrorUnsupportedMapiPropertyType
        ErrorUnsupportedMimeConversion ErrorUnsupportedPathForQuery ErrorUnsupportedPathForSortGroup
        ErrorUnsupportedPropertyDefinition ErrorUnsupportedQueryFilter
        ErrorUnsupportedTypeForConversion ErrorUpdateDelegatesFailed
        ErrorUserNotUnifiedMessagingEnabled ErrorVoiceMailNotImplemented ErrorValueOutOfRange
        ErrorVirusDetected ErrorVirusMessageDeleted ErrorWebRequestInInvalidState
        ErrorWorkingHoursSaveFailed ErrorWorkingHoursXmlMalformed
        ErrorMissingInformationSharingFolderId ErrorDuplicateSOAPHeader
        ErrorSharingSynchronizationFailed ErrorSharingNoExternalEwsAvailable
        ErrorInvalidGetSharingFolderRequest ErrorNotAllowedExternalSharingByPolicy
        ErrorUserNotAllowedByPolicy ErrorPermissionNotAllowedByPolicy
        ErrorInvalidExternalSharingInitiator ErrorUserWithoutFederatedProxyAddress
        ErrorInvalidOrganizationRelationshipForFreeBusy ErrorInvalidFederatedOrganizationId
        ErrorInvalidExternalSharingSubscriber ErrorInvalidSharingData ErrorInvalidSharingMessage
        ErrorNotSupportedSharingMessage ErrorApplyConversationActionFailed
        ErrorInboxRulesValidationError ErrorOutlookRuleBlobExists ErrorRulesOverQuota
        ErrorDuplicateLegacyDistinguishedName ErrorInvalidClientAccessTokenRequest
        ErrorNoSpeechDetected ErrorUMServerUnavailable ErrorRecipientNotFound
        ErrorRecognizerNotInstalled ErrorSpeechGrammarError ErrorInvalidManagementRoleHeader
        ErrorLocationServicesDisabled ErrorLocationServicesRequestTimedOut
        ErrorLocationServicesRequestFailed ErrorLocationServicesInvalidRequest
        ErrorWeatherServiceDisabled ErrorMailboxScopeNotAllowedWithoutQueryString
        ErrorArchiveMailboxSearchFailed ErrorGetRemoteArchiveFolderFailed
        ErrorFindRemoteArchiveFolderFailed ErrorGetRemoteArchiveItemFailed
        ErrorExportRemoteArchiveItemsFailed ErrorInvalidPhotoSize ErrorSearchQueryHasTooManyKeywords
        ErrorSearchTooManyMailboxes ErrorInvalidRetentionTagNone ErrorDiscoverySearchesDisabled
        ErrorCalendarSeekToConditionNotSupported ErrorOrganizationAccessBlocked ErrorInvalidLicense
        ErrorMessagePerFolderCountReceiveQuotaExceeded ErrorInvalidBulkActionType
        ErrorInvalidKeepNCount ErrorInvalidKeepNType ErrorNoOAuthServerAvailableForRequest
        ErrorInstantSearchSessionExpired ErrorInstantSearchTimeout ErrorInstantSearchFailed
        ErrorUnsupportedUserForExecuteSearch ErrorDuplicateExtendedKeywordDefinition
        ErrorMissingExchangePrincipal ErrorUnexpectedUnifiedGroupsCount ErrorParsingXMLResponse
        ErrorInvalidFederationOrganizationIdentifier ErrorInvalidSweepRule
        ErrorInvalidSweepRuleOperationType ErrorTargetDomainNotSupported
        ErrorInvalidInternetWebProxyOnLocalServer ErrorNoSenderRestrictionsSettingsFoundInRequest
        ErrorDuplicateSenderRestrictionsInputFound ErrorSenderRestrictionsUpdateFailed
        ErrorMessageSubmissionBlocked ErrorExceededMessageLimit ErrorExceededMaxRecipientLimitBlock
        ErrorAccountSuspend ErrorExceededMaxRecipientLimit ErrorMessageBlocked
        ErrorAccountSuspendShowTierUpgrade ErrorExceededMessageLimitShowTierUpgrade
        ErrorExceededMaxRecipientLimitShowTierUpgrade ErrorInvalidLongitude ErrorInvalidLatitude
        ErrorProxySoapException ErrorUnifiedGroupAlreadyExists
        ErrorUnifiedGroupAadAuthorizationRequestDenied ErrorUnifiedGroupCreationDisabled
        ErrorMarketPlaceExtensionAlreadyInstalledForOrg ErrorExtensionAlreadyInstalledForOrg
        ErrorNewerExtensionAlreadyInstalled ErrorNewerMarketPlaceExtensionAlreadyInstalled
        ErrorInvalidExtensionId ErrorCannotUninstallProvidedExtensions
        ErrorNoRbacPermissionToInstallMarketPlaceExtensions
        ErrorNoRbacPermissionToInstallReadWriteMailboxExtensions ErrorInvalidReportMessageActionType
    """,
}

CLASSES: dict[str, Class] = {code: kind for kind, codes in _BY_CLASS.items() for code in codes.split()}
CLASSES["ErrorSubscriptionUnsubsribed"] = Class.SUB_DEAD  # as one page of the documentation spells it


def classify(code: str) -> Class:
    """The class of a response code; UNKNOWN for one that is in no schema."""
    return CLASSES.get(code, Class.UNKNOWN)
